import { describe, expect, it } from '@jest/globals';
import { decideLogin, LOGIN_TABLE } from './login-via-idp.js';
import type { FlowFacts, IdentityOwner, LoginFacts, ProviderInOrganization } from './login-via-idp.js';
import type { LinkingPolicy } from './policy.js';

const SELF = 'user-of-the-flow';
const OTHER = 'another-user';

const policy = (over: Partial<LinkingPolicy> = {}): LinkingPolicy => ({
  creationAllowed: true,
  autoCreate: true,
  linkingAllowed: true,
  unlinkAllowed: true,
  ...over,
});
const provider = (over: Partial<ProviderInOrganization> = {}): ProviderInOrganization => ({
  id: 'acme',
  active: true,
  offered: true,
  externalSignInAllowed: true,
  policy: policy(),
  ...over,
});
const owner = (userId: string, maySignIn = true): IdentityOwner => ({ userId, claimId: `claim-of-${userId}`, maySignIn });
const signIn: FlowFacts = { kind: 'sign_in' };
const link = (valid = true): FlowFacts => ({ kind: 'link', userId: SELF, valid });
const proof = (valid = true): FlowFacts => ({ kind: 'proof', userId: SELF, valid });
const facts = (over: Partial<LoginFacts> = {}): LoginFacts => ({ provider: provider(), flow: signIn, owner: undefined, ...over });

const refused = (code: string) => ({ kind: 'refused', code });

describe('LoginViaIdp: each row of the table', () => {
  const cases: readonly (readonly [string, Partial<LoginFacts>, string, object])[] = [
    ['the provider is inactive', { provider: provider({ active: false }) }, '0', refused('provider_not_allowed')],
    ['the provider is not offered in this organization', { provider: provider({ offered: false }) }, '0', refused('provider_not_allowed')],
    [
      'external sign-in is disallowed in this organization',
      { provider: provider({ externalSignInAllowed: false }), owner: owner(SELF) },
      '0',
      refused('provider_not_allowed'),
    ],
    [
      'L8: a link through a provider that was disabled meanwhile',
      { provider: provider({ active: false }), flow: link() },
      '0',
      refused('provider_not_allowed'),
    ],
    ['L10: link, the intent is not valid', { flow: link(false) }, '1', refused('link_intent_invalid')],
    ['link, not valid, although owned by the same user', { flow: link(false), owner: owner(SELF) }, '1', refused('link_intent_invalid')],
    [
      'link, owned by this user',
      { flow: link(), owner: owner(SELF) },
      '1',
      { kind: 'already_linked', userId: SELF, claimId: `claim-of-${SELF}` },
    ],
    ['L17: link, owned by another user', { flow: link(), owner: owner(OTHER) }, '1', refused('identity_already_linked_to_another_account')],
    [
      'link, owned by a user who may not sign in',
      { flow: link(), owner: owner(OTHER, false) },
      '1',
      refused('identity_already_linked_to_another_account'),
    ],
    [
      'link, linking is not allowed',
      { flow: link(), provider: provider({ policy: policy({ linkingAllowed: false }) }) },
      '1',
      refused('linking_not_allowed'),
    ],
    ['link, nobody owns it', { flow: link() }, '1', { kind: 'link', userId: SELF }],
    [
      'proof, owned by the user that the flow names',
      { flow: proof(), owner: owner(SELF) },
      '1′',
      { kind: 'proven', userId: SELF, claimId: `claim-of-${SELF}` },
    ],
    ['L13: proof, used or expired', { flow: proof(false), owner: owner(SELF) }, '1′', refused('proof_failed')],
    ['L9: proof, owned by another user', { flow: proof(), owner: owner(OTHER) }, '1′', refused('proof_failed')],
    ['proof, owned by a user who may not sign in', { flow: proof(), owner: owner(SELF, false) }, '1′', refused('proof_failed')],
    ['proof, nobody owns it: nothing is linked or created', { flow: proof() }, '1′', refused('proof_failed')],
    ['sign-in, owned by an active user', { owner: owner(OTHER) }, '2', { kind: 'sign_in', userId: OTHER, claimId: `claim-of-${OTHER}` }],
    [
      'L25: sign-in, owned by a user who may not sign in: answered as an unknown one',
      { owner: owner(OTHER, false) },
      '2',
      refused('account_not_found'),
    ],
    ['sign-in, nobody owns it, creation allowed and automatic', {}, '4', { kind: 'provision' }],
    [
      'sign-in, nobody owns it, creation not allowed',
      { provider: provider({ policy: policy({ creationAllowed: false }) }) },
      '6',
      refused('account_not_found'),
    ],
    [
      'sign-in, nobody owns it, creation not automatic',
      { provider: provider({ policy: policy({ autoCreate: false }) }) },
      '6',
      refused('account_not_found'),
    ],
  ];

  it.each(cases)('%s', (_title, given, row, outcome) => {
    expect(decideLogin(facts(given))).toEqual({ row, outcome });
  });

  it('every row of the table is the first match of some case above, so that none is dead', () => {
    const matched = new Set(cases.map(([, given]) => LOGIN_TABLE.findIndex(({ when }) => when(facts(given)))));
    expect([...matched].sort((a, b) => a - b)).toEqual(LOGIN_TABLE.map((_, i) => i));
  });
});

describe('LoginViaIdp: over every combination of facts', () => {
  const bools = [false, true];
  const all: LoginFacts[] = bools.flatMap((active) =>
    bools.flatMap((offered) =>
      bools.flatMap((externalSignInAllowed) =>
        bools.flatMap((creationAllowed) =>
          bools.flatMap((autoCreate) =>
            bools.flatMap((linkingAllowed) =>
              bools.flatMap((unlinkAllowed) =>
                [signIn, link(true), link(false), proof(true), proof(false)].flatMap((flow) =>
                  [undefined, owner(SELF), owner(SELF, false), owner(OTHER), owner(OTHER, false)].map((whose) => ({
                    provider: provider({
                      active,
                      offered,
                      externalSignInAllowed,
                      policy: { creationAllowed, autoCreate, linkingAllowed, unlinkAllowed },
                    }),
                    flow,
                    owner: whose,
                  })),
                ),
              ),
            ),
          ),
        ),
      ),
    ),
  );
  const decided = all.map((given) => ({ given, ...decideLogin(given) }));
  const usable = ({ provider: { active, offered, externalSignInAllowed } }: LoginFacts): boolean =>
    active && offered && externalSignInAllowed;
  /** The decisions that break a rule; the rule holds when there are none. */
  const breaking = (holds: (decision: (typeof decided)[number]) => boolean) => decided.filter((decision) => !holds(decision));

  it('enumerates them all', () => expect(decided).toHaveLength(2 ** 7 * 5 * 5));

  it('L8: where row 0 applies there is nothing but its refusal, and it applies nowhere else', () => {
    expect(
      breaking(({ given, row, outcome }) =>
        usable(given) ? row !== '0' : outcome.kind === 'refused' && outcome.code === 'provider_not_allowed' && row === '0',
      ),
    ).toEqual([]);
  });

  it('rows 1 and 1′ never fall through to a sign-in or to the creation of a user', () => {
    expect(
      breaking(({ given, outcome }) => given.flow.kind === 'sign_in' || (outcome.kind !== 'sign_in' && outcome.kind !== 'provision')),
    ).toEqual([]);
    expect(
      breaking(({ given, row }) => given.flow.kind === 'sign_in' || !usable(given) || row === (given.flow.kind === 'link' ? '1' : '1′')),
    ).toEqual([]);
  });

  it('a flow that is not a valid link never links, and one that is not a valid proof never proves', () => {
    expect(
      breaking(
        ({ given: { flow }, outcome }) => outcome.kind !== 'link' || (flow.kind === 'link' && flow.valid && outcome.userId === flow.userId),
      ),
    ).toEqual([]);
    expect(breaking(({ given: { flow }, outcome }) => outcome.kind !== 'already_linked' || (flow.kind === 'link' && flow.valid))).toEqual(
      [],
    );
    expect(
      breaking(
        ({ given: { flow, owner: whose }, outcome }) =>
          outcome.kind !== 'proven' || (flow.kind === 'proof' && flow.valid && whose?.userId === flow.userId && whose.maySignIn),
      ),
    ).toEqual([]);
  });

  it('invariant 4: a sign-in is only ever to the owner, through the owner’s claim, and only when the owner may sign in', () => {
    expect(
      breaking(
        ({ given: { owner: whose }, outcome }) =>
          outcome.kind !== 'sign_in' || (whose?.maySignIn === true && outcome.userId === whose.userId && outcome.claimId === whose.claimId),
      ),
    ).toEqual([]);
  });

  it('an owned identity never creates a user and is never linked again', () => {
    expect(
      breaking(({ given, outcome }) => given.owner === undefined || (outcome.kind !== 'provision' && outcome.kind !== 'link')),
    ).toEqual([]);
  });

  it('a user is created exactly when a sign-in is unowned and creation is allowed and automatic', () => {
    expect(
      breaking(
        ({ given, outcome }) =>
          (outcome.kind === 'provision') ===
          (usable(given) &&
            given.flow.kind === 'sign_in' &&
            given.owner === undefined &&
            given.provider.policy.creationAllowed &&
            given.provider.policy.autoCreate),
      ),
    ).toEqual([]);
  });

  it('a link is made only where linking is allowed', () => {
    expect(breaking(({ given, outcome }) => outcome.kind !== 'link' || given.provider.policy.linkingAllowed)).toEqual([]);
  });

  it('L25: an unknown user and one who may not sign in get the same answer wherever nothing is created', () => {
    for (const { given, outcome } of decided.filter(
      ({ given: { flow, owner: whose } }) => flow.kind === 'sign_in' && whose?.maySignIn === false,
    )) {
      const { creationAllowed, autoCreate } = given.provider.policy;
      if (!(creationAllowed && autoCreate)) expect(outcome).toEqual(decideLogin({ ...given, owner: undefined }).outcome);
    }
  });
});
