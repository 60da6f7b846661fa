import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { changeUsername, registerUser } from '#libs/users/commands/account-commands.js';
import { ChangeUsername } from '#libs/users/commands/account.command.js';
import { RegisterUser } from '#libs/users/commands/register-user.command.js';
import { createUser } from '#libs/users/create-user.js';
import { executeOnAccount } from '#libs/users/execute-on-account.js';
import { loadAccount } from '#libs/users/queries/load-account.js';
import { userStream } from '#libs/users/streams.js';
import type { Actor, CommandContext } from '#libs/event-store/event-metadata.js';
import type { AppendRequest, EventStore } from '#libs/event-store/event-store.js';
import { HistoryTheatre } from '#test-support/account-histories.js';
import { EVERYTHING_ALLOWED, startTestInstallation, testAssertion, testContext } from '#test-support/installation.js';
import type { TestInstallation } from '#test-support/installation.js';
import { claimableExternalIdentity } from '#libs/users/claims/claimable.js';
import { Claims } from '#libs/users/claims/claims.js';
import { externalIdentityKey } from '../external-identity.js';
import type { FlowFacts } from '../login-via-idp.js';
import type { VerifiedAssertion } from '#libs/identity-providers/verified-assertion.js';
import { externalIdentityStream } from '#libs/users/external-identity-stream.js';
import { loginViaIdp } from './login-via-idp.js';
import { LoginViaIdp } from './login-via-idp.command.js';
import type { LoginResult } from './login-via-idp.command.js';
import { RegisterViaIdp } from './register-via-idp.command.js';
import { registerViaIdp } from './register-via-idp.js';
import { UnlinkExternalIdentity } from './unlink-external-identity.command.js';
import { unlinkExternalIdentity } from './unlink-external-identity.js';

let installation: TestInstallation;

beforeAll(async () => {
  installation = await startTestInstallation();
  await installation.configure(EVERYTHING_ALLOWED);
});
afterAll(() => installation.stop());

const signIn = (assertion: VerifiedAssertion, flow: FlowFacts = { kind: 'sign_in' }): Promise<LoginResult> =>
  loginViaIdp(installation, new LoginViaIdp(assertion, { ...flow, organizationId: 'default' }, testContext()));

const userOf = ({ outcome }: LoginResult): string => {
  if (!('userId' in outcome)) throw new Error(`expected a user, got ${JSON.stringify(outcome)}`);
  return outcome.userId;
};

const link = (userId: string, assertion: VerifiedAssertion): Promise<LoginResult> =>
  signIn(assertion, { kind: 'link', userId, valid: true });

const unlink = (userId: string, claimId: string, context: CommandContext = testContext()) =>
  unlinkExternalIdentity(
    { ...installation, carryOutRevocations: () => Promise.resolve() },
    new UnlinkExternalIdentity(userId, 'default', claimId, context),
  );

const typesOf = async (userId: string): Promise<string[]> =>
  (await installation.store.read(userStream(userId))).map(({ event }) => event.type);

const keyOf = ({ providerId, sourceKind, issuer, subject }: VerifiedAssertion): string =>
  externalIdentityKey(installation.indexKeys, { organizationId: 'default', providerId, sourceKind, issuer, subject });

describe('LoginViaIdp on the streams', () => {
  it('row 4: provisions a user and links the identity in one batch; row 2: the second sign-in is the same user', async () => {
    const assertion = testAssertion('ann');
    const first = await signIn(assertion);
    expect(first).toMatchObject({ row: '4', outcome: { kind: 'provisioned' } });
    expect(await typesOf(userOf(first))).toEqual(['UserProvisioned', 'ExternalIdentityLinked']);
    const second = await signIn(assertion);
    expect(second).toMatchObject({ row: '2', outcome: { kind: 'sign_in', userId: userOf(first) } });
  });

  it('C1: a second identity is linked, and signs in to the same user', async () => {
    const userId = userOf(await signIn(testAssertion('bea')));
    expect(await link(userId, testAssertion('bea-g', 'globex'))).toMatchObject({
      row: '1',
      outcome: { kind: 'linked', userId },
    });
    expect(await signIn(testAssertion('bea-g', 'globex'))).toMatchObject({
      row: '2',
      outcome: { kind: 'sign_in', userId },
    });
  });

  it('C1: two identities of one provider can be linked to one user', async () => {
    const userId = userOf(await signIn(testAssertion('work')));
    await link(userId, testAssertion('home'));
    expect(userOf(await signIn(testAssertion('home')))).toBe(userId);
  });

  it('L16: fifty first sign-ins of one identity at once give one user and no error', async () => {
    const results = await Promise.all(Array.from({ length: 50 }, () => signIn(testAssertion('crowd'))));
    expect(new Set(results.map(userOf)).size).toBe(1);
    expect(results.filter(({ outcome }) => outcome.kind === 'provisioned')).toHaveLength(1);
  });

  it('L17: two users link one identity at once: exactly one wins, the other gets the specific code', async () => {
    const [one, other] = [userOf(await signIn(testAssertion('c1'))), userOf(await signIn(testAssertion('c2')))];
    const contested = testAssertion('contested', 'globex');
    const outcomes = (await Promise.all([link(one, contested), link(other, contested)])).map(({ outcome }) => outcome);
    expect(outcomes.filter(({ kind }) => kind === 'linked')).toHaveLength(1);
    expect(outcomes).toContainEqual({ kind: 'refused', code: 'identity_already_linked_to_another_account' });
  });

  it('a process killed between claim and link: the same person signs in again, within seconds, and the identity has one owner', async () => {
    const assertion = testAssertion('crash');
    const ghost = installation.newId();
    const abandoned = await new Claims(installation).claim(
      claimableExternalIdentity(externalIdentityStream(keyOf(assertion))),
      'no_stream',
      ghost,
      testContext(),
    );
    const began = Date.now();
    const result = await signIn(assertion);
    expect(Date.now() - began).toBeLessThan(10_000);
    expect(userOf(result)).not.toBe(ghost);
    expect((await installation.store.read(userStream(ghost))).map(({ event }) => event)).toEqual([
      { type: 'ClaimAbandoned', data: { claimId: abandoned } },
    ]);
    expect(
      (await installation.store.read(externalIdentityStream(keyOf(assertion)))).map(({ event }) => event.type),
    ).toEqual(['ExternalIdentityClaimed', 'ExternalIdentityReleased', 'ExternalIdentityClaimed']);
  });

  it('ghost: a paused first sign-in whose claim was abandoned cannot come back; its user id is dead', async () => {
    const assertion = testAssertion('ghost');
    const late = { ...installation, clock: () => new Date(Date.now() + 60_000) };
    const ghost = installation.newId();
    await new Claims(installation).claim(
      claimableExternalIdentity(externalIdentityStream(keyOf(assertion))),
      'no_stream',
      ghost,
      testContext(),
    );
    await new Claims(late).ownerOf(claimableExternalIdentity(externalIdentityStream(keyOf(assertion))), testContext());
    const resumed = await installation.store.append({
      stream: userStream(ghost),
      expectedRevision: 'no_stream',
      events: [{ type: 'UserProvisioned', data: { organizationId: 'default', providerId: 'acme' } }],
      context: testContext(),
      subject: ghost,
    });
    expect(resumed).toEqual({ kind: 'conflict', actual: 0n });
  });

  it('unlink: the identity is free again, and linking it anew makes a new claim', async () => {
    const userId = userOf(await signIn(testAssertion('dora')));
    const second = testAssertion('dora-g', 'globex');
    const linked = await link(userId, second);
    const claimId = 'claimId' in linked.outcome ? linked.outcome.claimId : '';
    const context = testContext();
    expect((await unlink(userId, claimId, context)).outcome).toMatchObject({ kind: 'unlinked', claimId });
    expect((await unlink(userId, claimId, context)).outcome).toMatchObject({ kind: 'unlinked', claimId });
    const other = await signIn(second);
    expect(other.outcome.kind).toBe('provisioned');
    expect(userOf(other)).not.toBe(userId);
  });

  it('resurrection: unlinked, killed before the release, then a sign-in: nobody owns the identity any more', async () => {
    const userId = userOf(await signIn(testAssertion('eve')));
    const second = testAssertion('eve-g', 'globex');
    const linked = await link(userId, second);
    const claimId = 'claimId' in linked.outcome ? linked.outcome.claimId : '';
    const killed = { ...installation, carryOutRevocations: () => Promise.reject(new Error('killed')) };
    await expect(
      unlinkExternalIdentity(killed, new UnlinkExternalIdentity(userId, 'default', claimId, testContext())),
    ).rejects.toThrow('killed');
    expect(userOf(await signIn(second))).not.toBe(userId);
  });

  it('double owner: an unlink paused before its release, the identity linked by another process, then the release: the new owner keeps it', async () => {
    const [one, other] = [userOf(await signIn(testAssertion('dora'))), userOf(await signIn(testAssertion('dirk')))];
    const contested = testAssertion('d-g', 'globex');
    const linked = await link(one, contested);
    const claimId = 'claimId' in linked.outcome ? linked.outcome.claimId : '';
    let relinked: LoginResult | undefined;
    const paused = {
      ...installation,
      carryOutRevocations: async () => {
        relinked = await link(other, contested);
      },
    };
    await unlinkExternalIdentity(paused, new UnlinkExternalIdentity(one, 'default', claimId, testContext()));
    expect(relinked?.outcome).toMatchObject({ kind: 'linked', userId: other });
    expect((await signIn(contested)).outcome).toMatchObject({ kind: 'sign_in', userId: other });
    expect(
      (await installation.store.read(externalIdentityStream(keyOf(contested)))).map(({ event }) => event.type),
    ).toEqual(['ExternalIdentityClaimed', 'ExternalIdentityReleased', 'ExternalIdentityClaimed']);
  });

  it('S5, L10: an IdP-initiated response for an identity that nobody owns links and creates nothing, also while its owner-to-be is linking', async () => {
    const userId = userOf(await signIn(testAssertion('uma')));
    const assertion = testAssertion('uma-g', 'globex');
    const [linked, unsolicited] = await Promise.all([
      link(userId, assertion),
      signIn(assertion, { kind: 'unsolicited' }),
    ]);
    expect(linked.outcome).toMatchObject({ kind: 'linked', userId });
    expect([
      { kind: 'refused', code: 'account_not_found' },
      expect.objectContaining({ kind: 'sign_in', userId }),
    ]).toContainEqual(unsolicited.outcome);
    expect((await signIn(testAssertion('nobody-g', 'globex'), { kind: 'unsolicited' })).outcome).toEqual({
      kind: 'refused',
      code: 'account_not_found',
    });
  });

  it('several identities of one provider on one user work', async () => {
    const userId = userOf(await signIn(testAssertion('sam-1')));
    await link(userId, testAssertion('sam-2'));
    for (const subject of ['sam-1', 'sam-2']) expect(userOf(await signIn(testAssertion(subject)))).toBe(userId);
  });

  it('L21: two parallel unlinks of the last two ways in: one of two is refused', async () => {
    const first = await signIn(testAssertion('fay'));
    const userId = userOf(first);
    const second = await link(userId, testAssertion('fay-g', 'globex'));
    const claimIds = [first, second].map(({ outcome }) => ('claimId' in outcome ? outcome.claimId : ''));
    const outcomes = (await Promise.all(claimIds.map((claimId) => unlink(userId, claimId)))).map(
      ({ outcome }) => outcome,
    );
    expect(outcomes.filter(({ kind }) => kind === 'unlinked')).toHaveLength(1);
    expect(outcomes).toContainEqual({ kind: 'refused', code: 'last_credential' });
  });

  it('L7: an account whose matched address is given up between the match and the link is not linked', async () => {
    await installation.configure(
      EVERYTHING_ALLOWED.replace(
        'id: globex, policy: { creationAllowed: true, autoCreate: true,',
        'id: globex, policy: { autoLink: [email], onMatch: automatic, emailTrustedDomains: ["*"], creationAllowed: true, autoCreate: true,',
      ),
    );
    const address = { address: 'eva@example.org', canonical: 'eva@example.org', domain: 'example.org' };
    const created = await createUser(
      installation,
      {
        organizationId: 'default',
        first: { type: 'UserRegistered', data: { organizationId: 'default' } },
        ifUsernameTaken: 'refuse',
        email: { ...address, proof: { method: 'mail_loop' } },
      },
      testContext(),
    );
    if (created.kind !== 'created') throw new Error(created.kind);
    const { userId } = created;
    let overtaken = false;
    const { store } = installation;
    const overtaking = {
      read: store.read.bind(store),
      append: async (request: AppendRequest) => {
        if (!overtaken && request.stream === userStream(userId)) {
          overtaken = true;
          const moved = {
            claimId: installation.newId(),
            emailKey: 'another',
            emailId: installation.newId(),
            proof: { method: 'mail_loop' },
          } as const;
          await executeOnAccount(store, {
            userId,
            organizationId: 'default',
            context: testContext(),
            decide: () => ({ events: [{ type: 'EmailChanged', data: moved }], outcome: { kind: 'done' } }),
          });
        }
        return store.append(request);
      },
    } as unknown as EventStore;
    const assertion = { ...testAssertion('eva-g', 'globex'), claims: { email: address.address, emailVerified: true } };
    const result = await loginViaIdp(
      { ...installation, store: overtaking },
      new LoginViaIdp(assertion, { kind: 'sign_in', organizationId: 'default' }, testContext()),
    );
    expect([overtaken, result.outcome.kind]).toEqual([true, 'provisioned']);
    expect(await typesOf(userId)).not.toContain('ExternalIdentityLinked');
    await installation.configure(EVERYTHING_ALLOWED);
  });

  describe('L31: a username that somebody registered first, and a provider that gives usernames out', () => {
    const authoritative = (creation = ''): Promise<void> =>
      installation.configure(
        EVERYTHING_ALLOWED.replace(
          'id: globex, policy: { creationAllowed: true, autoCreate: true,',
          `id: globex, policy: { autoLink: [username], onMatch: automatic, usernameAuthoritative: true, ${creation}`,
        ),
      );
    const nameOf = (username: string) => ({ username, canonical: username });
    const registeredAs = async (username: string): Promise<string> => {
      const created = await registerUser(
        HistoryTheatre.dependenciesOf(installation),
        new RegisterUser(
          {
            organizationId: 'default',
            displayName: 'First',
            username: nameOf(username),
            email: undefined,
            password: 'secret',
            identity: undefined,
          },
          testContext(),
        ),
      );
      if (created.kind !== 'created') throw new Error(created.kind);
      return created.userId;
    };
    const rename = (userId: string, username: string, actor: Actor) =>
      changeUsername(
        HistoryTheatre.dependenciesOf(installation),
        new ChangeUsername({ userId, organizationId: 'default' }, nameOf(username), { ...testContext(), actor }),
      );
    const calledAtGlobex = (subject: string, preferredUsername: string): VerifiedAssertion => ({
      ...testAssertion(subject, 'globex'),
      claims: { emailVerified: false, preferredUsername },
    });
    const giverOf = async (userId: string) => (await loadAccount(installation.store, userId)).state.username?.givenBy;
    afterAll(() => installation.configure(EVERYTHING_ALLOWED));

    it('asks, whoever chose the name: at registration, or by changing it', async () => {
      await authoritative();
      const registered = await registeredAs('victim-1');
      expect(await giverOf(registered)).toEqual({ by: 'self' });
      expect((await signIn(calledAtGlobex('the-victim-1', 'victim-1'))).outcome).toMatchObject({
        kind: 'offer_link',
        candidateId: registered,
      });
      const renamed = userOf(await signIn(testAssertion('thief-2')));
      await rename(renamed, 'victim-2', { type: 'user', id: renamed });
      expect((await signIn(calledAtGlobex('the-victim-2', 'victim-2'))).outcome).toMatchObject({
        kind: 'offer_link',
        candidateId: renamed,
      });
      expect(await typesOf(registered)).not.toContain('ExternalIdentityLinked');
    });

    it('links automatically to the name that an administrator gave, until its owner changes it', async () => {
      await authoritative();
      const given = await registeredAs('self-3');
      await rename(given, 'given-3', { type: 'admin', id: 'operator' });
      expect(await giverOf(given)).toEqual({ by: 'administrator' });
      expect((await signIn(calledAtGlobex('sub-3', 'given-3'))).outcome).toMatchObject({
        kind: 'linked_automatically',
        userId: given,
      });
      const changed = await registeredAs('self-4');
      await rename(changed, 'given-4', { type: 'admin', id: 'operator' });
      await rename(changed, 'other-4', { type: 'user', id: changed });
      await rename(changed, 'given-4', { type: 'user', id: changed });
      expect((await signIn(calledAtGlobex('sub-4', 'given-4'))).outcome.kind).toBe('offer_link');
    });

    it('a name that the provider gave with the account is the provider’s, and no other provider’s', async () => {
      await authoritative('creationAllowed: true, autoCreate: true,');
      const provisioned = await signIn(calledAtGlobex('sub-5', 'given-5'));
      const userId = userOf(provisioned);
      expect(await giverOf(userId)).toEqual({ by: 'provider', providerId: 'globex' });
      // Unlinked, and met again: the provider still vouches for the name.
      await link(userId, testAssertion('own-5'));
      const claimId = 'claimId' in provisioned.outcome ? provisioned.outcome.claimId : '';
      await unlink(userId, claimId);
      expect((await signIn(calledAtGlobex('sub-5', 'given-5'))).outcome).toMatchObject({
        kind: 'linked_automatically',
        userId,
      });
      const other = userOf(await signIn(calledAtGlobex('sub-10', 'given-10')));
      await installation.configure(
        EVERYTHING_ALLOWED.replace(
          'id: acme, policy: { creationAllowed: true,',
          'id: acme, policy: { autoLink: [username], onMatch: automatic, usernameAuthoritative: true,',
        ),
      );
      const atAcme = { ...calledAtGlobex('sub-10', 'given-10'), providerId: 'acme' };
      expect((await signIn(atAcme)).outcome).toMatchObject({ kind: 'offer_link', candidateId: other });
    });

    it('a name that a person edited on the way, or that came from a provider that gives none out, is their own', async () => {
      await authoritative('creationAllowed: true,');
      const registerWith = async (assertion: VerifiedAssertion, username: string): Promise<unknown> => {
        const result = await registerViaIdp(
          installation,
          new RegisterViaIdp(
            assertion,
            'default',
            { displayName: undefined, username: nameOf(username), email: undefined },
            testContext(),
          ),
        );
        if (result.kind !== 'registered') throw new Error(result.code);
        return giverOf(result.userId);
      };
      expect(await registerWith(calledAtGlobex('sub-6', 'given-6'), 'given-6')).toEqual({
        by: 'provider',
        providerId: 'globex',
      });
      expect(await registerWith(calledAtGlobex('sub-7', 'given-7'), 'victim-7')).toEqual({ by: 'self' });
      const atAcme = { ...calledAtGlobex('sub-8', 'given-8'), providerId: 'acme' };
      expect(await registerWith(atAcme, 'given-8')).toEqual({ by: 'self' });
    });

    it('a name that was given up between the match and the link is not linked', async () => {
      await authoritative();
      const userId = await registeredAs('self-9');
      await rename(userId, 'given-9', { type: 'admin', id: 'operator' });
      let overtaken = false;
      const { store } = installation;
      const overtaking = {
        read: store.read.bind(store),
        append: async (request: AppendRequest) => {
          if (!overtaken && request.stream === userStream(userId)) {
            overtaken = true;
            await rename(userId, 'other-9', { type: 'user', id: userId });
            await rename(userId, 'given-9', { type: 'user', id: userId });
          }
          return store.append(request);
        },
      } as unknown as EventStore;
      const { outcome } = await loginViaIdp(
        { ...installation, store: overtaking },
        new LoginViaIdp(
          calledAtGlobex('sub-9', 'given-9'),
          { kind: 'sign_in', organizationId: 'default' },
          testContext(),
        ),
      );
      expect([overtaken, outcome.kind]).toEqual([true, 'offer_link']);
      expect(await typesOf(userId)).not.toContain('ExternalIdentityLinked');
    });
  });

  it('L28: the same identity in another organization is another user', async () => {
    await installation.configure(`${EVERYTHING_ALLOWED}
  - id: other
    displayName: Other
    identityProviders:
      - { id: acme, policy: { creationAllowed: true, autoCreate: true } }
`);
    const assertion = testAssertion('gil');
    const here = userOf(await signIn(assertion));
    const there = await loginViaIdp(
      installation,
      new LoginViaIdp(assertion, { kind: 'sign_in', organizationId: 'other' }, testContext()),
    );
    expect(there.outcome.kind).toBe('provisioned');
    expect(userOf(there)).not.toBe(here);
  });

  it('invariant 11: a user of one organization cannot be given a link in the context of another, and no claim is left behind', async () => {
    await installation.configure(`${EVERYTHING_ALLOWED}
  - id: elsewhere
    displayName: Elsewhere
    identityProviders:
      - { id: globex, policy: { linkingAllowed: true } }
`);
    const userId = userOf(await signIn(testAssertion('ida')));
    const before = await typesOf(userId);
    const assertion = testAssertion('ida-g', 'globex');
    for (const flowUser of [userId, installation.newId()]) {
      const result = await loginViaIdp(
        installation,
        new LoginViaIdp(
          assertion,
          { kind: 'link', userId: flowUser, valid: true, organizationId: 'elsewhere' },
          testContext(),
        ),
      );
      expect(result).toMatchObject({ row: '1', outcome: { kind: 'refused', code: 'link_intent_invalid' } });
      expect(await installation.store.read(externalIdentityStream(result.identityKey))).toEqual([]);
    }
    expect(await typesOf(userId)).toEqual(before);
  });

  it('L8: a provider that the organization stopped offering while the flow ran is refused', async () => {
    const other = await startTestInstallation();
    try {
      await other.configure(EVERYTHING_ALLOWED);
      await other.configure(EVERYTHING_ALLOWED.replace(/ +- \{ id: globex.*\n/, ''));
      const refused = await loginViaIdp(
        other,
        new LoginViaIdp(testAssertion('hal', 'globex'), { kind: 'sign_in', organizationId: 'default' }, testContext()),
      );
      expect(refused).toMatchObject({ row: '0', outcome: { kind: 'refused', code: 'provider_not_allowed' } });
    } finally {
      await other.stop();
    }
  });
});
