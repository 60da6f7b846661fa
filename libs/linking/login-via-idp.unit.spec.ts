import { describe, expect, it } from '@jest/globals';
import { decideLogin, LOGIN_TABLE } from './login-via-idp.js';
import type {
  Candidate,
  FlowFacts,
  IdentityOwner,
  LoginFacts,
  Matches,
  ProviderInOrganization,
} from './login-via-idp.js';
import { linkingPolicySchema } from '#libs/organizations/linking-policy.js';
import type { LinkingPolicy } from '#libs/organizations/linking-policy.js';

const SELF = 'user-of-the-flow';
const OTHER = 'another-user';

const policy = (over: Partial<LinkingPolicy> = {}): LinkingPolicy => ({
  ...linkingPolicySchema.parse({}),
  creationAllowed: true,
  autoCreate: true,
  linkingAllowed: true,
  ...over,
});
const candidate = (over: Partial<Candidate> = {}): Candidate => ({
  userId: OTHER,
  active: true,
  emailProven: true,
  knownWithAnotherSubject: false,
  hasStrongerWayIn: false,
  usernameVouchedFor: true,
  ...over,
});
const matches = (over: Partial<Matches> = {}): Matches => ({ usernameAsserted: false, ...over });
/** What a policy that looks for accounts finds. */
const matched = (over: Partial<LinkingPolicy>, found: Partial<Matches>): Partial<LoginFacts> => ({
  provider: provider({ policy: policy(over) }),
  matches: matches(found),
});
const provider = (over: Partial<ProviderInOrganization> = {}): ProviderInOrganization => ({
  id: 'acme',
  active: true,
  offered: true,
  externalSignInAllowed: true,
  policy: policy(),
  ...over,
});
const owner = (userId: string, maySignIn = true, onHold = false): IdentityOwner => ({
  userId,
  claimId: `claim-of-${userId}`,
  maySignIn,
  onHold,
});
const signIn: FlowFacts = { kind: 'sign_in' };
const link = (valid = true): FlowFacts => ({ kind: 'link', userId: SELF, valid });
const proof = (valid = true): FlowFacts => ({ kind: 'proof', userId: SELF, valid });
const facts = (over: Partial<LoginFacts> = {}): LoginFacts => ({
  provider: provider(),
  flow: signIn,
  owner: undefined,
  matches: matches(),
  ...over,
});

const refused = (code: string) => ({ kind: 'refused', code });

describe('LoginViaIdp: each row of the table', () => {
  const cases: readonly (readonly [string, Partial<LoginFacts>, string, object])[] = [
    ['the provider is inactive', { provider: provider({ active: false }) }, '0', refused('provider_not_allowed')],
    [
      'the provider is not offered in this organization',
      { provider: provider({ offered: false }) },
      '0',
      refused('provider_not_allowed'),
    ],
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
    [
      'link, not valid, although owned by the same user',
      { flow: link(false), owner: owner(SELF) },
      '1',
      refused('link_intent_invalid'),
    ],
    [
      'link, owned by this user',
      { flow: link(), owner: owner(SELF) },
      '1',
      { kind: 'already_linked', userId: SELF, claimId: `claim-of-${SELF}` },
    ],
    [
      'L17: link, owned by another user',
      { flow: link(), owner: owner(OTHER) },
      '1',
      refused('identity_already_linked_to_another_account'),
    ],
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
    [
      'proof, owned by a user who may not sign in',
      { flow: proof(), owner: owner(SELF, false) },
      '1′',
      refused('proof_failed'),
    ],
    [
      'L32: proof, owned by the user that the flow names, whose link is on hold since a recovery',
      { flow: proof(), owner: owner(SELF, true, true) },
      '1′',
      refused('proof_failed'),
    ],
    [
      'L32: sign-in, the link is on hold since a recovery: answered as an unknown one',
      { owner: owner(OTHER, true, true) },
      '2',
      refused('account_not_found'),
    ],
    [
      'L32: link, owned by another user whose link is on hold: it stays theirs to review',
      { flow: link(), owner: owner(OTHER, true, true) },
      '1',
      refused('identity_already_linked_to_another_account'),
    ],
    ['proof, nobody owns it: nothing is linked or created', { flow: proof() }, '1′', refused('proof_failed')],
    [
      'sign-in, owned by an active user',
      { owner: owner(OTHER) },
      '2',
      { kind: 'sign_in', userId: OTHER, claimId: `claim-of-${OTHER}`, updateProfile: false },
    ],
    [
      'sign-in, owned by an active user, the provider keeps profiles up to date',
      { owner: owner(OTHER), provider: provider({ policy: policy({ autoUpdate: true }) }) },
      '2',
      { kind: 'sign_in', userId: OTHER, claimId: `claim-of-${OTHER}`, updateProfile: true },
    ],
    [
      'IdP-initiated, owned by an active user',
      { flow: { kind: 'unsolicited' }, owner: owner(OTHER) },
      '2',
      { kind: 'sign_in', userId: OTHER, claimId: `claim-of-${OTHER}`, updateProfile: false },
    ],
    [
      'S5: IdP-initiated, nobody owns it: refused, whatever the policy allows',
      { flow: { kind: 'unsolicited' } },
      '–',
      refused('account_not_found'),
    ],
    [
      'proof of control of some account with an identity that nobody owns: no account is made of it',
      { flow: { kind: 'recognize' } },
      '–',
      refused('account_not_found'),
    ],
    [
      'by e-mail, automatic',
      matched({ autoLink: ['email'], onMatch: 'automatic' }, { byEmail: candidate() }),
      '3',
      { kind: 'link_automatically', by: 'email', userId: OTHER },
    ],
    [
      'by e-mail, ask',
      matched({ autoLink: ['email'] }, { byEmail: candidate() }),
      '3',
      { kind: 'offer_link', by: 'email', candidateId: OTHER, mayCreate: true },
    ],
    [
      'L1, L7: by e-mail, automatic, but the account’s own address is not proven: asks',
      matched({ autoLink: ['email'], onMatch: 'automatic' }, { byEmail: candidate({ emailProven: false }) }),
      '3',
      { kind: 'offer_link', by: 'email', candidateId: OTHER, mayCreate: true },
    ],
    [
      'L15: by e-mail, automatic, but the account had another subject of this provider (a recycled mailbox): asks',
      matched({ autoLink: ['email'], onMatch: 'automatic' }, { byEmail: candidate({ knownWithAnotherSubject: true }) }),
      '3',
      { kind: 'offer_link', by: 'email', candidateId: OTHER, mayCreate: true },
    ],
    [
      'L30: by e-mail, automatic, but the account has a stronger way in: asks',
      matched({ autoLink: ['email'], onMatch: 'automatic' }, { byEmail: candidate({ hasStrongerWayIn: true }) }),
      '3',
      { kind: 'offer_link', by: 'email', candidateId: OTHER, mayCreate: true },
    ],
    [
      'by e-mail, automatic, but the account is not active: asks, as for any other',
      matched({ autoLink: ['email'], onMatch: 'automatic' }, { byEmail: candidate({ active: false }) }),
      '3',
      { kind: 'offer_link', by: 'email', candidateId: OTHER, mayCreate: true },
    ],
    [
      'L6: an address is matched only where the policy says so',
      matched({ onMatch: 'automatic' }, { byEmail: candidate() }),
      '4',
      { kind: 'provision' },
    ],
    [
      'by username, automatic, from the provider that gives usernames out',
      matched(
        { autoLink: ['username'], onMatch: 'automatic', usernameAuthoritative: true },
        { byUsername: candidate(), usernameAsserted: true },
      ),
      '3′',
      { kind: 'link_automatically', by: 'username', userId: OTHER },
    ],
    [
      'by username, automatic, but the provider is not authoritative: asks',
      matched({ autoLink: ['username'], onMatch: 'automatic' }, { byUsername: candidate(), usernameAsserted: true }),
      '3′',
      { kind: 'offer_link', by: 'username', candidateId: OTHER, mayCreate: true },
    ],
    [
      'L31: by username, automatic, but the account’s was not given by the provider or an administrator: asks',
      matched(
        { autoLink: ['username'], onMatch: 'automatic', usernameAuthoritative: true },
        { byUsername: candidate({ usernameVouchedFor: false }), usernameAsserted: true },
      ),
      '3′',
      { kind: 'offer_link', by: 'username', candidateId: OTHER, mayCreate: true },
    ],
    [
      'L25: by username, ask: the same page when nobody has it',
      matched({ autoLink: ['username'] }, { usernameAsserted: true }),
      '3′',
      { kind: 'offer_link', by: 'username', candidateId: undefined, mayCreate: true },
    ],
    [
      'by username, automatic, and nobody has it: goes on',
      matched(
        { autoLink: ['username'], onMatch: 'automatic', usernameAuthoritative: true },
        { usernameAsserted: true },
      ),
      '4',
      { kind: 'provision' },
    ],
    [
      'e-mail is tried before username',
      matched(
        { autoLink: ['username', 'email'], onMatch: 'automatic', usernameAuthoritative: true },
        { byEmail: candidate({ userId: SELF }), byUsername: candidate(), usernameAsserted: true },
      ),
      '3',
      { kind: 'link_automatically', by: 'email', userId: SELF },
    ],
    [
      'L25: sign-in, owned by a user who may not sign in: answered as an unknown one',
      { owner: owner(OTHER, false) },
      '2',
      refused('account_not_found'),
    ],
    ['sign-in, nobody owns it, creation allowed and automatic', {}, '4', { kind: 'provision' }],
    [
      'sign-in, nobody owns it, creation not automatic: both choices',
      { provider: provider({ policy: policy({ autoCreate: false }) }) },
      '5',
      { kind: 'choose', mayCreate: true, mayLink: true },
    ],
    [
      'sign-in, nobody owns it, only linking allowed',
      { provider: provider({ policy: policy({ creationAllowed: false }) }) },
      '5',
      { kind: 'choose', mayCreate: false, mayLink: true },
    ],
    [
      'sign-in, nobody owns it, only creation allowed, by hand',
      { provider: provider({ policy: policy({ autoCreate: false, linkingAllowed: false }) }) },
      '5',
      { kind: 'choose', mayCreate: true, mayLink: false },
    ],
    [
      'sign-in, nobody owns it, neither allowed (autoCreate alone allows nothing)',
      { provider: provider({ policy: policy({ creationAllowed: false, linkingAllowed: false }) }) },
      '6',
      refused('account_not_found'),
    ],
  ];

  it.each(cases)('%s', (_title, given, row, outcome) => {
    expect(decideLogin(facts(given))).toEqual({ row, outcome });
  });

  it('every row of the table is the first match of some case above, so that none is dead', () => {
    const firstMatches = new Set(cases.map(([, given]) => LOGIN_TABLE.findIndex(({ when }) => when(facts(given)))));
    expect([...firstMatches].sort((a, b) => a - b)).toEqual(LOGIN_TABLE.map((_, i) => i));
  });
});

describe('LoginViaIdp: over every combination of facts', () => {
  const bools = [false, true];
  const product = <T extends object>(axes: { readonly [K in keyof T]: readonly T[K][] }): T[] =>
    (Object.entries(axes) as [keyof T, readonly T[keyof T][]][]).reduce<T[]>(
      (partial, [name, values]) => partial.flatMap((one) => values.map((value) => ({ ...one, [name]: value }))),
      [{} as T],
    );
  const policies = product<LinkingPolicy>({
    creationAllowed: bools,
    autoCreate: bools,
    linkingAllowed: bools,
    unlinkAllowed: [true],
    autoLink: [[], ['email'], ['username'], ['email', 'username']],
    onMatch: ['ask', 'automatic'],
    emailTrustedDomains: [[]],
    usernameAuthoritative: bools,
    autoUpdate: [false],
    grantsAcr: [undefined],
  });
  const states = product<Pick<ProviderInOrganization, 'active' | 'offered' | 'externalSignInAllowed'>>({
    active: bools,
    offered: bools,
    externalSignInAllowed: bools,
  });
  const found: Matches[] = [
    matches(),
    matches({ usernameAsserted: true }),
    ...product<Omit<Candidate, 'userId'>>({
      active: bools,
      emailProven: bools,
      knownWithAnotherSubject: bools,
      hasStrongerWayIn: bools,
      usernameVouchedFor: bools,
    }).flatMap((one) => [
      matches({ byEmail: candidate(one) }),
      matches({ byUsername: candidate(one), usernameAsserted: true }),
    ]),
  ];
  const flows: FlowFacts[] = [
    signIn,
    link(true),
    link(false),
    proof(true),
    proof(false),
    { kind: 'unsolicited' },
    { kind: 'recognize' },
  ];
  const owners = [
    undefined,
    ...[SELF, OTHER].flatMap((whose) => [
      owner(whose),
      owner(whose, false),
      owner(whose, true, true),
      owner(whose, false, true),
    ]),
  ];
  const all: LoginFacts[] = policies.flatMap((one) =>
    states.flatMap((state) =>
      flows.flatMap((flow) =>
        owners.flatMap((whose) =>
          // Matches are looked for only where a sign-in meets an identity that nobody owns.
          (flow.kind === 'sign_in' && whose === undefined ? found : [matches()]).map((matchesFound) => ({
            provider: provider({ ...state, policy: one }),
            flow,
            owner: whose,
            matches: matchesFound,
          })),
        ),
      ),
    ),
  );
  const decided = all.map((given) => ({ given, ...decideLogin(given) }));
  const usable = ({ provider: { active, offered, externalSignInAllowed } }: LoginFacts): boolean =>
    active && offered && externalSignInAllowed;
  /** The decisions that break a rule; the rule holds when there are none. */
  const breaking = (holds: (decision: (typeof decided)[number]) => boolean) =>
    decided.filter((decision) => !holds(decision));

  it('enumerates them all', () => expect(decided).toHaveLength(2 ** 4 * 8 * 2 ** 3 * (7 * 9 - 1 + 66)));

  it('L8: where row 0 applies there is nothing but its refusal, and it applies nowhere else', () => {
    expect(
      breaking(({ given, row, outcome }) =>
        usable(given)
          ? row !== '0'
          : outcome.kind === 'refused' && outcome.code === 'provider_not_allowed' && row === '0',
      ),
    ).toEqual([]);
  });

  it('rows 1 and 1′ never fall through to a sign-in or to the creation of a user', () => {
    expect(
      breaking(
        ({ given: { flow }, outcome }) =>
          (flow.kind !== 'link' && flow.kind !== 'proof') ||
          !['sign_in', 'provision', 'link_automatically', 'offer_link', 'choose'].includes(outcome.kind),
      ),
    ).toEqual([]);
    expect(
      breaking(
        ({ given: { flow, ...given }, row }) =>
          (flow.kind !== 'link' && flow.kind !== 'proof') ||
          !usable({ flow, ...given }) ||
          row === (flow.kind === 'link' ? '1' : '1′'),
      ),
    ).toEqual([]);
  });

  it('a flow that is not a valid link never links, and one that is not a valid proof never proves', () => {
    expect(
      breaking(
        ({ given: { flow }, outcome }) =>
          outcome.kind !== 'link' || (flow.kind === 'link' && flow.valid && outcome.userId === flow.userId),
      ),
    ).toEqual([]);
    expect(
      breaking(
        ({ given: { flow }, outcome }) => outcome.kind !== 'already_linked' || (flow.kind === 'link' && flow.valid),
      ),
    ).toEqual([]);
    expect(
      breaking(
        ({ given: { flow, owner: whose }, outcome }) =>
          outcome.kind !== 'proven' ||
          (flow.kind === 'proof' && flow.valid && whose?.userId === flow.userId && whose.maySignIn && !whose.onHold),
      ),
    ).toEqual([]);
  });

  it('invariant 4, L32: a sign-in is only ever to the owner, through the owner’s claim, only when the owner may sign in and the link is not on hold', () => {
    expect(
      breaking(
        ({ given: { owner: whose }, outcome }) =>
          outcome.kind !== 'sign_in' ||
          (whose?.maySignIn === true &&
            !whose.onHold &&
            outcome.userId === whose.userId &&
            outcome.claimId === whose.claimId),
      ),
    ).toEqual([]);
  });

  it('an owned identity never creates a user and is never linked again', () => {
    expect(
      breaking(
        ({ given, outcome }) => given.owner === undefined || (outcome.kind !== 'provision' && outcome.kind !== 'link'),
      ),
    ).toEqual([]);
  });

  it('a user is created exactly when a sign-in is unowned, nothing is matched by policy, and creation is allowed and automatic', () => {
    expect(
      breaking(({ given, outcome }) => {
        const { policy: rules } = given.provider;
        const asks =
          rules.autoLink.includes('username') &&
          given.matches.usernameAsserted &&
          !(rules.onMatch === 'automatic' && rules.usernameAuthoritative);
        const found =
          (rules.autoLink.includes('email') && given.matches.byEmail) ||
          (rules.autoLink.includes('username') && given.matches.byUsername);
        return (
          (outcome.kind === 'provision') ===
          (usable(given) &&
            given.flow.kind === 'sign_in' &&
            !given.owner &&
            !found &&
            !asks &&
            rules.creationAllowed &&
            rules.autoCreate)
        );
      }),
    ).toEqual([]);
  });

  it('L1, L7, L15, L31: nothing is linked automatically but to an active account with both sides proven and no other subject of the provider', () => {
    expect(
      breaking(
        ({
          given: {
            matches: m,
            provider: { policy: rules },
            owner: whose,
            flow,
          },
          outcome,
        }) => {
          if (outcome.kind !== 'link_automatically') return true;
          const one = outcome.by === 'email' ? m.byEmail : m.byUsername;
          const proven =
            outcome.by === 'email' ? one?.emailProven : rules.usernameAuthoritative && one?.usernameVouchedFor;
          return (
            flow.kind === 'sign_in' &&
            whose === undefined &&
            rules.onMatch === 'automatic' &&
            rules.autoLink.includes(outcome.by) &&
            one?.userId === outcome.userId &&
            one.active &&
            proven === true &&
            !one.knownWithAnotherSubject &&
            !one.hasStrongerWayIn
          );
        },
      ),
    ).toEqual([]);
  });

  it('L25: the page by username does not depend on whether somebody has it, where it asks', () => {
    expect(
      breaking(({ given, row, outcome }) => {
        if (row !== '3′' || outcome.kind !== 'offer_link' || given.provider.policy.usernameAuthoritative) return true;
        const { candidateId: _one, ...page } = outcome;
        const other = decideLogin({ ...given, matches: matches({ usernameAsserted: true }) }).outcome;
        return other.kind === 'offer_link' && other.by === page.by && other.mayCreate === page.mayCreate;
      }),
    ).toEqual([]);
  });

  it('a link is made only where linking is allowed', () => {
    expect(breaking(({ given, outcome }) => outcome.kind !== 'link' || given.provider.policy.linkingAllowed)).toEqual(
      [],
    );
  });

  it('L25, L32: a user who may not sign in, or whose link is on hold, gets the answer of an unknown one that nothing is done for', () => {
    expect(
      breaking(
        ({ given, outcome }) =>
          given.flow.kind !== 'sign_in' ||
          given.owner === undefined ||
          (given.owner.maySignIn && !given.owner.onHold) ||
          !usable(given) ||
          (outcome.kind === 'refused' && outcome.code === 'account_not_found'),
      ),
    ).toEqual([]);
  });
});
