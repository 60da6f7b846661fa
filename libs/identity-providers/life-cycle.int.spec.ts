import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { loadAccount } from '#libs/users/queries/load-account.js';
import type { DeclarationError } from '#libs/declared-configuration/declaration.js';
import { LoginViaIdp } from '#libs/linking/commands/login-via-idp.command.js';
import { loginViaIdp } from '#libs/linking/commands/login-via-idp.js';
import { UnlinkExternalIdentity } from '#libs/linking/commands/unlink-external-identity.command.js';
import { unlinkExternalIdentity } from '#libs/linking/commands/unlink-external-identity.js';
import type { FlowFacts } from '#libs/linking/login-via-idp.js';
import { SETTLED_AFTER_MS } from '#libs/platform/deadline.js';
import { newUuid } from '#libs/platform/ids.js';
import { startTestInstallation, testAssertion, testContext } from '#test-support/installation.js';
import type { TestInstallation } from '#test-support/installation.js';
import { countPeopleWithoutWayIn } from '#libs/linking/queries/people-without-way-in.js';
import { changeIdentityProvider } from './commands/change-identity-provider.js';
import { announceRemoval, cancelRemoval, commitRemoval } from './commands/remove-identity-provider.js';
import type { RemovalDependencies } from './commands/remove-identity-provider.js';
import { decideActivate, decideDeactivate } from './decide.js';
import { identityProviderStream } from './state.js';

let installation: TestInstallation;
beforeAll(async () => {
  installation = await startTestInstallation();
});
afterAll(() => installation.stop());

const file = (id: string, more = ''): string => `
identityProviders:
  - { id: ${id}, kind: oidc, displayName: ${id}, issuer: "https://${id}.example", clientId: ligature, scopes: [openid]${more} }
  - { id: globex, kind: oidc, displayName: globex, issuer: "https://globex.example", clientId: ligature, scopes: [openid] }
organizations:
  - id: default
    displayName: Test
    identityProviders:
      - { id: ${id}, policy: { creationAllowed: true, autoCreate: true, linkingAllowed: true } }
      - { id: globex, policy: { creationAllowed: true, autoCreate: true, linkingAllowed: true } }
`;
let providers = 0;
/** A provider of its own for each test. */
const provider = async (): Promise<string> => {
  const id = `idp-${(providers += 1)}`;
  await installation.configure(file(id));
  return id;
};
const login = (id: string, subject: string, flow: FlowFacts = { kind: 'sign_in' }) =>
  loginViaIdp(
    installation,
    new LoginViaIdp(testAssertion(subject, id), { ...flow, organizationId: 'default' }, testContext()),
  );
const person = async (id: string, subject = newUuid()): Promise<{ userId: string; subject: string }> => {
  const { outcome } = await login(id, subject);
  if (outcome.kind !== 'provisioned') throw new Error(outcome.kind);
  return { userId: outcome.userId, subject };
};
const link = async (id: string, userId: string): Promise<string> => {
  const { outcome } = await login(id, newUuid(), { kind: 'link', userId, valid: true });
  if (outcome.kind !== 'linked') throw new Error(outcome.kind);
  return outcome.claimId;
};
const unlink = async (userId: string, claimId: string): Promise<string> => {
  const dependencies = { ...installation, carryOutRevocations: () => Promise.resolve() };
  const { outcome } = await unlinkExternalIdentity(
    dependencies,
    new UnlinkExternalIdentity(userId, 'default', claimId, testContext()),
  );
  return outcome.kind === 'refused' ? outcome.code : outcome.kind;
};
const eventsOf = async (id: string) =>
  (await installation.store.read(identityProviderStream(id))).map(({ event }) => event);
const context = testContext;

/** @param linked whom the read model would list */
const removal = (linked: readonly string[] = []): RemovalDependencies => ({
  countUsersWithoutMethod: countPeopleWithoutWayIn,
  store: installation.store,
  clock: () => new Date(Date.now() + SETTLED_AFTER_MS + 1_000),
  linkedUsers: async function* () {
    yield await Promise.resolve(linked);
  },
});

describe('a provider that is deactivated (invariant 6)', () => {
  it('signs nobody in, keeps every link, and works again by the same links when it is activated', async () => {
    const id = await provider();
    const { userId, subject } = await person(id);
    expect((await changeIdentityProvider(installation.store, id, decideDeactivate, context())).outcome).toEqual({
      kind: 'done',
    });
    expect((await login(id, subject)).outcome).toEqual({ kind: 'refused', code: 'provider_not_allowed' });
    expect((await loadAccount(installation.store, userId)).state.links).toHaveLength(1);
    await changeIdentityProvider(installation.store, id, decideActivate, context());
    expect((await login(id, subject)).outcome).toMatchObject({ kind: 'sign_in', userId });
    expect((await eventsOf(id)).map(({ type }) => type)).toEqual([
      'IdentityProviderConfigured',
      'IdentityProviderDeactivated',
      'IdentityProviderActivated',
    ]);
  });

  it('twice is once, and one that is not there is told so', async () => {
    const id = await provider();
    for (let time = 0; time < 2; time += 1)
      await changeIdentityProvider(installation.store, id, decideDeactivate, context());
    expect(await eventsOf(id)).toHaveLength(2);
    const nobody = await changeIdentityProvider(installation.store, 'nonesuch', decideDeactivate, context());
    expect(nobody.outcome).toEqual({ kind: 'refused', code: 'provider_not_found' });
  });
});

describe('a provider that is removed', () => {
  it('announced, it counts for nobody: the other way in is the last one; people still sign in through it', async () => {
    const id = await provider();
    const { userId, subject } = await person(id);
    const claimId = await link('globex', userId);
    await announceRemoval(removal(), id, context());
    expect(await unlink(userId, claimId)).toBe('last_credential');
    expect((await login(id, subject)).outcome).toMatchObject({ kind: 'sign_in', userId });
    await cancelRemoval(removal(), id, context());
    expect(await unlink(userId, claimId)).toBe('unlinked');
  });

  it('announced, it creates nobody who would have it as the only way in', async () => {
    const id = await provider();
    await announceRemoval(removal(), id, context());
    expect((await login(id, newUuid())).outcome).toEqual({ kind: 'choose', mayCreate: false, mayLink: true });
  });

  it('is not counted before what began earlier has ended', async () => {
    const id = await provider();
    await announceRemoval(removal(), id, context());
    const early = { ...removal(), clock: () => new Date() };
    expect(await commitRemoval(early, id, { force: true }, context())).toMatchObject({ kind: 'not_settled' });
  });

  it('is kept when people would lose their last way in, and says how many; force removes it, and the event says how many lost it', async () => {
    const id = await provider();
    const people = await Promise.all([person(id), person(id), person(id)]);
    await link('globex', people[0].userId);
    const dependencies = removal(people.map(({ userId }) => userId));
    await announceRemoval(dependencies, id, context());
    expect(await commitRemoval(dependencies, id, { force: false }, context())).toEqual({
      kind: 'would_take_last_way_in',
      peopleWithoutWayIn: 2,
    });
    expect(await commitRemoval(dependencies, id, { force: true }, context())).toEqual({
      kind: 'removed',
      peopleWithoutWayIn: 2,
    });
    expect((await eventsOf(id)).at(-1)).toEqual({ type: 'IdentityProviderRemoved', data: { peopleWithoutWayIn: 2 } });
    expect((await login(id, people[1].subject)).outcome).toEqual({ kind: 'refused', code: 'provider_not_allowed' });
  });

  it('goes when everybody has another way in', async () => {
    const id = await provider();
    const { userId } = await person(id);
    await link('globex', userId);
    const dependencies = removal([userId]);
    await announceRemoval(dependencies, id, context());
    expect(await commitRemoval(dependencies, id, { force: false }, context())).toEqual({
      kind: 'removed',
      peopleWithoutWayIn: 0,
    });
  });

  it('deactivated first, it takes the last way in all the same', async () => {
    const id = await provider();
    const { userId } = await person(id);
    await changeIdentityProvider(installation.store, id, decideDeactivate, context());
    const dependencies = removal([userId]);
    await announceRemoval(dependencies, id, context());
    expect(await commitRemoval(dependencies, id, { force: false }, context())).toMatchObject({ peopleWithoutWayIn: 1 });
  });

  it('is not removed by a count that was made for another announcement, nor without one', async () => {
    const id = await provider();
    expect(await commitRemoval(removal(), id, { force: true }, context())).toEqual({
      kind: 'refused',
      code: 'removal_not_announced',
    });
    await announceRemoval(removal(), id, context());
    const cancelledMeanwhile: RemovalDependencies = {
      ...removal(),
      linkedUsers: async function* () {
        await cancelRemoval(removal(), id, context());
        await announceRemoval(removal(), id, context());
        yield [];
      },
    };
    expect(await commitRemoval(cancelledMeanwhile, id, { force: true }, context())).toEqual({
      kind: 'refused',
      code: 'removal_not_announced',
    });
  });

  it('is gone for ever: its id is not configured, activated or removed again', async () => {
    const id = await provider();
    await announceRemoval(removal(), id, context());
    await commitRemoval(removal(), id, { force: false }, context());
    const again = await installation.configure(file(id)).catch((error: DeclarationError) => error.mistakes);
    expect(again).toEqual([`line 3: ${id} was removed, and its id is not used again: choose another one`]);
    const { outcome } = await changeIdentityProvider(installation.store, id, decideActivate, context());
    expect(outcome).toEqual({ kind: 'refused', code: 'provider_removed' });
    expect(await announceRemoval(removal(), id, context())).toEqual({ kind: 'refused', code: 'provider_removed' });
  });
});

describe('a provider that belongs to an organization', () => {
  it('is offered by no other, whatever that one says', async () => {
    const id = `idp-${(providers += 1)}`;
    await installation.configure(`${file(id, ', organizationId: owner')}  - { id: owner, displayName: Owner, identityProviders: [{ id: ${id}, policy: { creationAllowed: true, autoCreate: true } }] }
`);
    expect((await login(id, newUuid())).outcome).toEqual({ kind: 'refused', code: 'provider_not_allowed' });
    const { outcome } = await loginViaIdp(
      installation,
      new LoginViaIdp(testAssertion(newUuid(), id), { kind: 'sign_in', organizationId: 'owner' }, testContext()),
    );
    expect(outcome.kind).toBe('provisioned');
  });

  it('never changes hands: the links were made in that belief', async () => {
    const id = await provider();
    const moved = await installation
      .configure(file(id, ', organizationId: default'))
      .catch((error: DeclarationError) => error.mistakes);
    expect(moved).toEqual([expect.stringContaining('belongs to another organization, or to the installation')]);
  });
});
