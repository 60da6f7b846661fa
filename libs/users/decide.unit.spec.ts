import { describe, expect, it } from '@jest/globals';
import type { LinkEvent } from './link-events.js';
import { given, recorded } from '#test-support/given.js';
import { enrolledAssurance, sufficientProofs } from './assurance.js';
import { usableCredentials } from './credentials.js';
import type { AssuranceRules } from './assurance.js';
import type { CredentialRules } from './credentials.js';
import {
  decideAddEmail,
  decideChangeUsername,
  decideDeactivate,
  decideFinishErasure,
  decideGrantRole,
  decideReactivate,
  decideRecoverAccount,
  decideRemovePassword,
  decideReviewSignInMethods,
  decideRevokeRole,
  decideRehashPassword,
  decideSetPassword,
  decideStartErasure,
  decideUpdateProfile,
  decideVerifyEmail,
} from './decide.js';
import type { AccountRefusalCode } from './decide.js';
import type { AccountEvent, NameGiver } from './events.js';
import { accountFold, hasCountingLink, isTakenAway, maySignIn, methodsOnHold, settlementOf } from './state.js';
import type { UserStreamEvent } from './state.js';

const registered: AccountEvent = { type: 'UserRegistered', data: { organizationId: 'default', displayName: 'Ada' } };
const named = (claimId: string): Extract<AccountEvent, { type: 'UsernameChanged' }> => ({
  type: 'UsernameChanged',
  data: { claimId, usernameKey: `key-${claimId}`, username: 'ada' },
});
const added = (emailId: string): AccountEvent => ({
  type: 'EmailAdded',
  data: { emailId, address: `${emailId}@example.org` },
});
const emailOf = (emailId: string, claimId = `claim-${emailId}`) => ({
  claimId,
  emailKey: `key-${emailId}`,
  emailId,
  address: `${emailId}@example.org`,
  domain: 'example.org',
  proof: { method: 'mail_loop' } as const,
});
const verified = (emailId: string): AccountEvent => ({ type: 'EmailVerified', data: emailOf(emailId) });
const changed = (emailId: string): AccountEvent => ({ type: 'EmailChanged', data: emailOf(emailId) });
const rehashed: AccountEvent = { type: 'PasswordRehashed', data: { passwordHash: 'new hash' } };
const password: AccountEvent = { type: 'PasswordSet', data: { passwordHash: 'hash' } };
const removed: AccountEvent = { type: 'PasswordRemoved', data: {} };
const linked = (claimId: string, providerId = 'acme'): LinkEvent => ({
  type: 'ExternalIdentityLinked',
  data: {
    claimId,
    providerId,
    identityKey: `key-${claimId}`,
    issuer: 'https://acme.example',
    provenance: { origin: 'self_service', proof: 'assertion', policyRevision: 'p', assertionId: 'a' },
  },
});
const unlinked = (claimId: string, providerId = 'acme'): LinkEvent => ({
  type: 'ExternalIdentityUnlinked',
  data: { claimId, providerId, identityKey: `key-${claimId}` },
});
const abandoned = (claimId: string): LinkEvent => ({ type: 'ClaimAbandoned', data: { claimId } });
const deactivated: AccountEvent = { type: 'UserDeactivated', data: {} };
const erasing: AccountEvent = { type: 'ErasureStarted', data: {} };
const erased: AccountEvent = { type: 'UserErased', data: {} };

const everything: AssuranceRules = {
  passwordAllowed: true,
  recoveryAllowed: true,
  isUsable: () => true,
  granted: () => 0,
};
const done = { kind: 'done' as const };
const refused = (code: AccountRefusalCode) => ({ kind: 'refused' as const, code });
const user = (...events: readonly UserStreamEvent[]) => given(accountFold, [registered, ...events]);
const nobody = given(accountFold, []);
const stateAfter = (...events: readonly UserStreamEvent[]) =>
  [registered, ...events].reduce(
    (account, event) => accountFold.evolve(account, event, recorded(event)),
    accountFold.initial,
  );

describe('username', () => {
  const change = named('two').data;
  it('settles our claim', () =>
    user(named('one'))
      .when((a) => decideChangeUsername(a, change))
      .then([named('two')], done));
  it('changes nothing when it is settled already (a retry)', () =>
    user(named('two'))
      .when((a) => decideChangeUsername(a, change))
      .then([], done));
  it('is refused when somebody abandoned the claim meanwhile', () =>
    user(abandoned('two'))
      .when((a) => decideChangeUsername(a, change))
      .then([], refused('claim_abandoned')));
  it.each<[string, NameGiver | undefined, NameGiver]>([
    ['a provider', { by: 'provider', providerId: 'acme' }, { by: 'provider', providerId: 'acme' }],
    ['an administrator', { by: 'administrator' }, { by: 'administrator' }],
    ['the person', { by: 'self' }, { by: 'self' }],
    ['nobody that its event names: it is from before that was recorded', undefined, { by: 'self' }],
  ])('L31: the account knows who gave the name: %s', (_title, givenBy, expected) => {
    const { type, data } = named('one');
    expect(stateAfter({ type, data: { ...data, ...(givenBy ? { givenBy } : {}) } }).username?.givenBy).toEqual(
      expected,
    );
  });
  it('L31: a name that the person changed is no longer the one that was given', () => {
    const { type, data } = named('one');
    const given: AccountEvent = { type, data: { ...data, givenBy: { by: 'administrator' } } };
    const changed: AccountEvent = { type, data: { ...named('two').data, givenBy: { by: 'self' } } };
    expect(stateAfter(given, changed).username?.givenBy).toEqual({ by: 'self' });
  });
  it('the claim of the name before it is over', () =>
    expect(settlementOf(stateAfter(named('one'), named('two')), 'one')).toBe('over'));
});

describe('e-mail', () => {
  it('an address is added, not verified', () =>
    user()
      .when((a) => decideAddEmail(a, { emailId: 'one', address: 'one@example.org' }))
      .then([added('one')], done));
  it('the verified address again changes nothing', () =>
    user(verified('one'))
      .when((a) => decideAddEmail(a, { emailId: 'two', address: 'one@example.org' }))
      .then([], done));
  it('the first verified one', () =>
    user(added('one'))
      .when((a) => decideVerifyEmail(a, emailOf('one')))
      .then([verified('one')], done));
  it('another in its place', () =>
    user(added('one'), verified('one'), added('two'))
      .when((a) => decideVerifyEmail(a, emailOf('two')))
      .then([changed('two')], done));
  it('L4: a mail that was overtaken by another address proves nothing', () =>
    user(added('one'), added('two'))
      .when((a) => decideVerifyEmail(a, emailOf('one')))
      .then([], refused('email_verification_invalid')));
  it('L4: a mail that was overtaken by a recovery proves nothing', () =>
    user(verified('zero'), added('one'), { type: 'AccountRecovered', data: { emailId: 'zero' } })
      .when((a) => decideVerifyEmail(a, emailOf('one')))
      .then([], refused('email_verification_invalid')));
  it('settled already', () =>
    user(added('one'), verified('one'))
      .when((a) => decideVerifyEmail(a, emailOf('one')))
      .then([], done));
  it('abandoned meanwhile', () =>
    user(added('one'), abandoned('claim-one'))
      .when((a) => decideVerifyEmail(a, emailOf('one')))
      .then([], refused('claim_abandoned')));
});

describe('password', () => {
  it('is set where the organization allows it', () =>
    user()
      .when((a) => decideSetPassword(a, { passwordHash: 'hash' }, everything))
      .then([password], done));
  it('is hashed anew without a credential that changed: no sign-in in flight is refused by it', () => {
    const { credentialEpoch } = stateAfter(password);
    expect(stateAfter(password, rehashed)).toMatchObject({ passwordHash: 'new hash', credentialEpoch });
    user(password)
      .when((a) => decideRehashPassword(a, { of: 'hash', passwordHash: 'new hash' }))
      .then([rehashed], done);
  });
  it('is not hashed anew when it was changed or removed meanwhile', () => {
    const changed: AccountEvent = { type: 'PasswordSet', data: { passwordHash: 'another' } };
    const removed: AccountEvent = { type: 'PasswordRemoved', data: {} };
    for (const meanwhile of [changed, removed])
      user(password, meanwhile)
        .when((a) => decideRehashPassword(a, { of: 'hash', passwordHash: 'new hash' }))
        .then([], done);
  });
  it('is refused where it does not', () =>
    user()
      .when((a) => decideSetPassword(a, { passwordHash: 'hash' }, { passwordAllowed: false }))
      .then([], refused('password_not_allowed')));
  it('is removed beside another way in', () =>
    user(password, linked('one'))
      .when((a) => decideRemovePassword(a, {}, everything))
      .then([removed], done));
  it('L21: never as the last usable way in', () =>
    user(password, linked('one'))
      .when((a) => decideRemovePassword(a, {}, { ...everything, isUsable: () => false }))
      .then([], refused('last_credential')));
  it('there is none', () =>
    user()
      .when((a) => decideRemovePassword(a, {}, everything))
      .then([], refused('no_password')));
});

describe('recovery', () => {
  const recovery = { emailId: 'one', passwordHash: 'hash' };
  const recoveredEvents: UserStreamEvent[] = [{ type: 'AccountRecovered', data: { emailId: 'one' } }, password];
  it('L2: a new password, by an event that ends every session', () =>
    user(verified('one'))
      .when((a) => decideRecoverAccount(a, recovery, everything))
      .then(recoveredEvents, done));
  const recovered = (...onHold: string[]): AccountEvent => ({
    type: 'AccountRecovered',
    data: { emailId: 'one', ...(onHold.length > 0 ? { onHold } : {}) },
  });
  const reviewed = (kept: string[], removed: string[] = []): AccountEvent => ({
    type: 'SignInMethodsReviewed',
    data: { kept, removed },
  });
  it('L3, L32: links from before the address was proven go, those from after it are on hold', () =>
    user(linked('trojan'), verified('one'), linked('own'), linked('thief'))
      .when((a) => decideRecoverAccount(a, recovery, everything))
      .then([recovered('own', 'thief'), unlinked('trojan'), password], done));
  it('L32: what the owner kept after an earlier recovery stays; what came since is on hold', () =>
    user(verified('one'), linked('own'), recovered('own'), reviewed(['own']), linked('later'))
      .when((a) => decideRecoverAccount(a, recovery, everything))
      .then([recovered('later'), password], done));
  it('L32: what is on hold stays so after another recovery, and after another address was proven', () => {
    user(verified('one'), linked('thief'), recovered('thief'))
      .when((a) => decideRecoverAccount(a, recovery, everything))
      .then([recovered('thief'), password], done);
    user(verified('zero'), linked('thief'), recovered('thief'), changed('one'))
      .when((a) => decideRecoverAccount(a, recovery, everything))
      .then([recovered('thief'), password], done);
  });
  it('L32: an unlinked one, or one that another claim id names, is not on hold', () =>
    expect(
      methodsOnHold(
        stateAfter(verified('one'), linked('own'), linked('gone'), unlinked('gone'), recovered('gone', 'x')),
      ),
    ).toEqual([]));
  it('a recovery from before links were held holds none: its event means what it meant', () =>
    expect(methodsOnHold(stateAfter(verified('one'), linked('own'), recovered()))).toEqual([]));

  describe('L32: the review of what is on hold', () => {
    const held = user(password, verified('one'), linked('own'), linked('thief'), recovered('own', 'thief'));
    it('what is not kept is unlinked, in one batch with the review', () =>
      held
        .when((a) => decideReviewSignInMethods(a, { kept: ['own'], removed: ['thief'] }))
        .then([reviewed(['own'], ['thief']), unlinked('thief')], done));
    it('keeps all, or none', () => {
      held
        .when((a) => decideReviewSignInMethods(a, { kept: ['own', 'thief'], removed: [] }))
        .then([reviewed(['own', 'thief'])], done);
      held
        .when((a) => decideReviewSignInMethods(a, { kept: [], removed: ['own', 'thief'] }))
        .then([reviewed([], ['own', 'thief']), unlinked('own'), unlinked('thief')], done);
    });
    it('is refused without an answer for each', () =>
      held
        .when((a) => decideReviewSignInMethods(a, { kept: ['own'], removed: [] }))
        .then([], refused('review_incomplete')));
    it('an answer for what is not on hold changes nothing', () => {
      user(password, verified('one'), linked('own'))
        .when((a) => decideReviewSignInMethods(a, { kept: [], removed: ['own'] }))
        .then([], done);
      user(password, verified('one'), linked('own'), linked('thief'), recovered('thief'))
        .when((a) => decideReviewSignInMethods(a, { kept: ['nobody’s'], removed: ['thief', 'own'] }))
        .then([reviewed([], ['thief']), unlinked('thief')], done);
    });
    it('what is kept is no longer on hold', () => {
      const account = stateAfter(verified('one'), linked('own'), recovered('own'), reviewed(['own']));
      expect([methodsOnHold(account), hasCountingLink(account, 'own')]).toEqual([[], true]);
    });
  });

  describe('L32: what is on hold counts for nothing (invariants 2, 4, 12)', () => {
    const onHold = [verified('one'), linked('thief'), recovered('thief')];
    it('it is no usable sign-in method', () =>
      expect(usableCredentials(stateAfter(password, ...onHold), everything)).toEqual([
        { kind: 'password' },
        { kind: 'recovery_email' },
      ]));
    it('L21: it is not the way in that is left when a password is removed', () =>
      user(password, ...onHold)
        .when((a) => decideRemovePassword(a, {}, { ...everything, recoveryAllowed: false }))
        .then([], refused('last_credential')));
    it('it proves nothing, and raises nothing', () => {
      const strong = { ...everything, granted: () => 1 };
      const account = stateAfter(password, ...onHold);
      expect([enrolledAssurance(account, strong), sufficientProofs(account, strong)]).toEqual([
        0,
        [{ kind: 'password' }],
      ]);
    });
    it('a session that it opened is taken away', () =>
      expect(
        isTakenAway(stateAfter(password, ...onHold), { sessionId: 's', accountRevision: 1_000n, claimId: 'thief' }),
      ).toBe(true));
  });
  it.each<[string, AssuranceRules]>([
    ['recovery is not allowed', { ...everything, recoveryAllowed: false }],
    [
      'L30: passwords are not allowed: recovery does not walk around single sign-on',
      { ...everything, passwordAllowed: false },
    ],
  ])('is refused where %s', (_title, rules) =>
    user(verified('one'))
      .when((a) => decideRecoverAccount(a, recovery, rules))
      .then([], refused('recovery_not_allowed')),
  );
  it('L30: is refused to whoever has a way in that proves more than a mail does', () =>
    user(verified('one'), linked('strong'))
      .when((a) => decideRecoverAccount(a, recovery, { ...everything, granted: () => 1 }))
      .then([], refused('recovery_not_allowed')));
  it('is refused for an address that is no longer the verified one', () =>
    user(verified('one'), changed('two'))
      .when((a) => decideRecoverAccount(a, recovery, everything))
      .then([], refused('recovery_not_allowed')));
  it('is refused for an address that nobody verified', () =>
    user(added('one'))
      .when((a) => decideRecoverAccount(a, recovery, everything))
      .then([], refused('recovery_not_allowed')));
});

describe('profile and roles', () => {
  it('a name changes', () =>
    user()
      .when((a) => decideUpdateProfile(a, { displayName: 'Ada L.' }))
      .then([{ type: 'ProfileUpdated', data: { displayName: 'Ada L.' } }], done));
  it('the same name changes nothing', () =>
    user()
      .when((a) => decideUpdateProfile(a, { displayName: 'Ada' }))
      .then([], done));
  it('a role is granted once and revoked once', () => {
    const granted: AccountEvent = { type: 'RoleGranted', data: { role: 'auditor' } };
    const taken: AccountEvent = { type: 'RoleRevoked', data: { role: 'auditor' } };
    user()
      .when((a) => decideGrantRole(a, 'auditor'))
      .then([granted], done);
    user(granted)
      .when((a) => decideGrantRole(a, 'auditor'))
      .then([], done);
    user(granted)
      .when((a) => decideRevokeRole(a, 'auditor'))
      .then([taken], done);
    user(granted, taken)
      .when((a) => decideRevokeRole(a, 'auditor'))
      .then([], done);
  });
});

describe('status', () => {
  it('deactivates once', () => {
    user().when(decideDeactivate).then([deactivated], done);
    user(deactivated).when(decideDeactivate).then([], done);
  });
  it('activates again', () => {
    user(deactivated)
      .when(decideReactivate)
      .then([{ type: 'UserReactivated', data: {} }], done);
    user().when(decideReactivate).then([], done);
  });
  it.each([erasing, erased])('what is being erased is neither: %s', (event) => {
    user(erasing, event).when(decideDeactivate).then([], refused('user_not_found'));
    user(erasing, event).when(decideReactivate).then([], refused('user_not_found'));
  });
  it('an erasure begins once, for whoever exists', () => {
    user().when(decideStartErasure).then([erasing], done);
    user(deactivated).when(decideStartErasure).then([erasing], done);
    user(erasing).when(decideStartErasure).then([], done);
    nobody.when(decideStartErasure).then([], refused('user_not_found'));
  });
  it('an erasure ends once, after it began', () => {
    user(erasing).when(decideFinishErasure).then([erased], done);
    user(erasing, erased).when(decideFinishErasure).then([], done);
    user().when(decideFinishErasure).then([], done);
  });
  it.each<[string, readonly UserStreamEvent[], boolean]>([
    ['active', [], true],
    ['deactivated', [deactivated], false],
    ['active again', [deactivated, { type: 'UserReactivated', data: {} }], true],
    ['being erased', [erasing], false],
    ['erased', [erasing, erased], false],
  ])('who is %s may sign in: %s', (_title, events, may) =>
    expect(maySignIn(stateAfter(...events), 'default')).toBe(may),
  );
  it('invariant 11: nobody signs in to another organization', () =>
    expect(maySignIn(stateAfter(), 'other')).toBe(false));
});

describe('the ways in that count', () => {
  it.each<[string, readonly UserStreamEvent[], Partial<CredentialRules>, readonly string[]]>([
    ['none at first', [], {}, []],
    ['a password', [password], {}, ['password']],
    ['not one that is not allowed', [password], { passwordAllowed: false }, []],
    ['a verified e-mail', [verified('one')], {}, ['recovery_email']],
    ['not an unverified one', [added('one')], {}, []],
    ['not where recovery is not allowed', [verified('one')], { recoveryAllowed: false }, []],
    ['not where it would end in a password that is not allowed', [verified('one')], { passwordAllowed: false }, []],
    ['a link', [linked('one')], {}, ['external_identity']],
    ['not one whose provider does not work', [linked('one')], { isUsable: () => false }, []],
    ['not one that was unlinked', [linked('one'), unlinked('one')], {}, []],
    ['not a password that was removed', [password, removed], {}, []],
  ])('%s', (_title, events, rules, kinds) =>
    expect(usableCredentials(stateAfter(...events), { ...everything, ...rules }).map(({ kind }) => kind)).toEqual(
      kinds,
    ),
  );
});

describe('claims', () => {
  it('an erasure ends every claim, also one that was never settled', () => {
    const account = stateAfter(named('one'), abandoned('two'), erasing);
    expect(['one', 'two', 'three'].map((claimId) => settlementOf(account, claimId))).toEqual([
      'over',
      'abandoned',
      'over',
    ]);
  });
  it('the credential epoch grows with a password set, removed, and a recovery', () =>
    expect(
      stateAfter(password, removed, { type: 'AccountRecovered', data: { emailId: 'one' } }, linked('one'))
        .credentialEpoch,
    ).toBe(3));
});
