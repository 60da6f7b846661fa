import { describe, expect, it } from '@jest/globals';
import type { AccountEvent } from '#libs/users/events.js';
import type { EventMetadata } from '#libs/event-store/event-metadata.js';
import { given, recorded } from '#test-support/given.js';
import { accountFold } from '#libs/users/state.js';
import type { UserStreamEvent } from '#libs/users/state.js';
import { decideLinkExternalIdentity, decideProvenLink, decideUnlinkExternalIdentity } from './decide.js';
import type { UnlinkRequest } from './decide.js';
import type { LinkEvent } from '#libs/users/link-events.js';
import { linkingPolicySchema } from '#libs/organizations/linking-policy.js';

const provisioned: AccountEvent = { type: 'UserProvisioned', data: { organizationId: 'default', providerId: 'acme' } };
const linked = (claimId: string, providerId = 'acme'): LinkEvent & { type: 'ExternalIdentityLinked' } => ({
  type: 'ExternalIdentityLinked',
  data: {
    claimId,
    providerId,
    identityKey: `key-${claimId}`,
    issuer: `https://${providerId}.example`,
    subject: claimId,
    provenance: {
      origin: 'self_service',
      proof: 'assertion_and_reauthentication',
      policyRevision: 'organization-default@1',
      assertionId: 'a',
    },
  },
});
const unlinked = (claimId: string, providerId = 'acme'): LinkEvent => ({
  type: 'ExternalIdentityUnlinked',
  data: { claimId, providerId, identityKey: `key-${claimId}` },
});
const abandoned = (claimId: string): LinkEvent => ({ type: 'ClaimAbandoned', data: { claimId } });

const password: AccountEvent = { type: 'PasswordSet', data: { passwordHash: 'hash' } };
const verified: AccountEvent = {
  type: 'EmailVerified',
  data: {
    claimId: 'email',
    emailKey: 'k',
    emailId: 'e',
    address: 'a@b.example',
    domain: 'b.example',
    proof: { method: 'mail_loop' },
  },
};

/** The same event, as the command with this id stored it. */
const by = (commandId: string, event: UserStreamEvent) => {
  const { metadata } = recorded(event);
  return recorded(event, { metadata: { ...metadata, commandId } satisfies EventMetadata });
};

const user = (
  ...events: readonly Parameters<typeof given<ReturnType<typeof accountFold.evolve>, UserStreamEvent>>[1][number][]
) => given(accountFold, [provisioned, ...events]);
const nobody = given(accountFold, []);

describe('decideLinkExternalIdentity', () => {
  const { data } = linked('one');
  const anybody = (): boolean => true;
  it('settles our claim by linking', () =>
    user()
      .when((s) => decideLinkExternalIdentity(s, data, anybody))
      .then([linked('one')], 'linked'));
  it('links a second identity beside the first', () =>
    user(linked('zero'))
      .when((s) => decideLinkExternalIdentity(s, data, anybody))
      .then([linked('one')], 'linked'));
  it('changes nothing when the claim was settled by this link already (a retry)', () =>
    user(linked('one'))
      .when((s) => decideLinkExternalIdentity(s, data, anybody))
      .then([], 'linked'));
  it('ghost: a claim that somebody abandoned never becomes a link', () =>
    user(abandoned('one'))
      .when((s) => decideLinkExternalIdentity(s, data, anybody))
      .then([], 'claim_abandoned'));
  it('a claim whose link was unlinked never becomes a link again', () =>
    user(linked('one'), unlinked('one'))
      .when((s) => decideLinkExternalIdentity(s, data, anybody))
      .then([], 'claim_abandoned'));
  it('an abandonment after the link does not undo it: the first event that names the claim settles it', () =>
    user(linked('one'), abandoned('one'))
      .when((s) => decideLinkExternalIdentity(s, data, anybody))
      .then([], 'linked'));
  it('links nothing to a user that does not exist', () =>
    nobody.when((s) => decideLinkExternalIdentity(s, data, anybody)).then([], 'not_linkable'));
  it('links nothing to an account that became another than the link was decided for', () =>
    user(password)
      .when((s) => decideLinkExternalIdentity(s, data, ({ passwordHash }) => passwordHash === undefined))
      .then([], 'not_linkable'));
  it('links nothing to a dead user id', () =>
    given(accountFold, [abandoned('zero')])
      .when((s) => decideLinkExternalIdentity(s, data, anybody))
      .then([], 'not_linkable'));
});

describe('decideUnlinkExternalIdentity', () => {
  const request = (over: Partial<UnlinkRequest> = {}): UnlinkRequest => ({
    claimId: 'one',
    commandId: 'now',
    organizationId: 'default',
    passwordAllowed: true,
    recoveryAllowed: true,
    isUsable: () => true,
    unlinkAllowed: () => true,
    ...over,
  });
  const refused = (
    code: 'identity_not_linked' | 'unlinking_not_allowed' | 'last_credential' | 'idempotency_key_reused',
  ) => ({
    kind: 'refused' as const,
    code,
  });
  const done = { kind: 'unlinked' as const, claimId: 'one', identityKey: 'key-one' };

  it('C3: unlinks one of two', () =>
    user(linked('one'), linked('two', 'globex'))
      .when((s) => decideUnlinkExternalIdentity(s, request()))
      .then([unlinked('one')], done));
  it('unlinks one of two identities of the same provider', () =>
    user(linked('one'), linked('two'))
      .when((s) => decideUnlinkExternalIdentity(s, request()))
      .then([unlinked('one')], done));
  it('L21: the last way in is refused', () =>
    user(linked('one'))
      .when((s) => decideUnlinkExternalIdentity(s, request()))
      .then([], refused('last_credential')));
  it('L21: the last usable way in is refused: a link whose provider does not work now does not count', () =>
    user(linked('one'), linked('two', 'globex'))
      .when((s) => decideUnlinkExternalIdentity(s, request({ isUsable: (id) => id !== 'globex' })))
      .then([], refused('last_credential')));
  it('L21: an unlinked identity is no other way in', () =>
    user(linked('one'), linked('two', 'globex'), unlinked('two', 'globex'))
      .when((s) => decideUnlinkExternalIdentity(s, request()))
      .then([], refused('last_credential')));
  it('a link that does not work any more can go while another works', () =>
    user(linked('one'), linked('two', 'globex'))
      .when((s) => decideUnlinkExternalIdentity(s, request({ isUsable: (id) => id === 'globex' })))
      .then([unlinked('one')], done));
  it('is refused where the policy does not allow it, asked for the provider of this link', () =>
    user(linked('one'), linked('two', 'globex'))
      .when((s) => decideUnlinkExternalIdentity(s, request({ unlinkAllowed: (id) => id !== 'acme' })))
      .then([], refused('unlinking_not_allowed')));
  it('an unknown claim is not linked', () =>
    user(linked('two'), linked('three'))
      .when((s) => decideUnlinkExternalIdentity(s, request()))
      .then([], refused('identity_not_linked')));
  it('what another command unlinked is not linked', () =>
    user(by('earlier', linked('one')), linked('two'), by('earlier still', unlinked('one')))
      .when((s) => decideUnlinkExternalIdentity(s, request()))
      .then([], refused('identity_not_linked')));
  it('the same command again answers what was decided then', () =>
    user(linked('one'), linked('two'), by('now', unlinked('one')))
      .when((s) => decideUnlinkExternalIdentity(s, request()))
      .then([], done));
  it('the same command again answers so although it would be refused now', () =>
    user(linked('one'), linked('two'), by('now', unlinked('one')))
      .when((s) => decideUnlinkExternalIdentity(s, request({ unlinkAllowed: () => false, isUsable: () => false })))
      .then([], done));
  it('the same command id for another claim is not an answer about that claim', () =>
    user(linked('one'), linked('two'), linked('three'), by('now', unlinked('one')))
      .when((s) => decideUnlinkExternalIdentity(s, request({ claimId: 'four' })))
      .then([], refused('identity_not_linked')));
  it('invariant 11: a user of another organization is not found, before anything else is told', () =>
    user(linked('one'), linked('two'))
      .when((s) => decideUnlinkExternalIdentity(s, request({ organizationId: 'other', unlinkAllowed: () => false })))
      .then([], refused('identity_not_linked')));
  it('invariant 11: not even by the command that unlinked it', () =>
    user(linked('one'), linked('two'), by('now', unlinked('one')))
      .when((s) => decideUnlinkExternalIdentity(s, request({ organizationId: 'other' })))
      .then([], refused('identity_not_linked')));
  it('C3: the last identity can go where a password is a way in', () =>
    user(password, linked('one'))
      .when((s) => decideUnlinkExternalIdentity(s, request()))
      .then([unlinked('one')], done));
  it('L21: a password that the organization does not allow is no way in', () =>
    user(password, linked('one'))
      .when((s) => decideUnlinkExternalIdentity(s, request({ passwordAllowed: false })))
      .then([], refused('last_credential')));
  it('a verified e-mail is a way in where recovery is allowed, and only there', () => {
    user(verified, linked('one'))
      .when((s) => decideUnlinkExternalIdentity(s, request()))
      .then([unlinked('one')], done);
    user(verified, linked('one'))
      .when((s) => decideUnlinkExternalIdentity(s, request({ recoveryAllowed: false })))
      .then([], refused('last_credential'));
  });
  it('an administrator may take the last way in away', () =>
    user(linked('one'))
      .when((s) => decideUnlinkExternalIdentity(s, request({ force: true })))
      .then([unlinked('one')], done));
  it('the same command id with another body is refused', () =>
    user(linked('one'), linked('two'), by('now', unlinked('one')))
      .when((s) => decideUnlinkExternalIdentity(s, request({ bodyHash: 'another' })))
      .then([], refused('idempotency_key_reused')));
  it('a user that does not exist has nothing linked', () =>
    nobody.when((s) => decideUnlinkExternalIdentity(s, request())).then([], refused('identity_not_linked')));
});

describe('decideProvenLink: a page’s person has proven control of an account', () => {
  const facts = (
    over: Partial<Parameters<typeof decideProvenLink>[0]> = {},
    policy: Parameters<typeof linkingPolicySchema.parse>[0] = { linkingAllowed: true },
  ) => ({
    provider: {
      id: 'acme',
      active: true,
      offered: true,
      externalSignInAllowed: true,
      policy: linkingPolicySchema.parse(policy),
    },
    userId: 'user',
    maySignIn: true,
    provesEnough: true,
    isCandidate: false,
    ownerId: undefined,
    ...over,
  });
  const { provider } = facts();
  const refused = (code: string) => ({ kind: 'refused', code });
  it.each<[string, Parameters<typeof decideProvenLink>[0], object]>([
    ['links where linking by hand is allowed', facts(), { kind: 'link' }],
    [
      'links to whom the offer was made for, where the policy matches',
      facts({ isCandidate: true }, { autoLink: ['email'] }),
      { kind: 'link' },
    ],
    ['not to anybody else then', facts({}, { autoLink: ['email'] }), refused('linking_not_allowed')],
    [
      'not to a candidate of a policy that matches no more',
      facts({ isCandidate: true }, {}),
      refused('linking_not_allowed'),
    ],
    [
      'L8: not where the provider is inactive',
      facts({ provider: { ...provider, active: false } }),
      refused('provider_not_allowed'),
    ],
    [
      'L8: not where it is not offered',
      facts({ provider: { ...provider, offered: false } }),
      refused('provider_not_allowed'),
    ],
    [
      'L8: not where external sign-in is disallowed',
      facts({ provider: { ...provider, externalSignInAllowed: false } }),
      refused('provider_not_allowed'),
    ],
    ['not to an account that may not sign in', facts({ maySignIn: false }), refused('account_not_found')],
    [
      'L30: not past a stronger way into the account',
      facts({ provesEnough: false }),
      refused('assurance_insufficient'),
    ],
    [
      'L17: not what somebody else owns by now',
      facts({ ownerId: 'other' }),
      refused('identity_already_linked_to_another_account'),
    ],
    ['what the account owns already is linked', facts({ ownerId: 'user' }, {}), { kind: 'link' }],
  ])('%s', (_title, given, expected) => expect(decideProvenLink(given)).toEqual(expected));
});
