import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { userStream, usernameKey, usernameStream, verifiedEmailKey, verifiedEmailStream } from '../streams.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import { loginViaIdp } from '#libs/linking/commands/login-via-idp.js';
import { LoginViaIdp } from '#libs/linking/commands/login-via-idp.command.js';
import { externalIdentityStream } from '../external-identity-stream.js';
import { newUuid } from '#libs/platform/ids.js';
import { HISTORIES_CONFIGURATION, HistoryTheatre } from '#test-support/account-histories.js';
import { startTestInstallation, testAssertion, testContext } from '#test-support/installation.js';
import type { TestInstallation } from '#test-support/installation.js';
import type { UsersDependencies } from '../users-dependencies.js';
import { AddEmail, ChangeUsername, EraseUser, VerifyEmail } from './account.command.js';
import { addEmail, changeUsername, verifyEmail } from './account-commands.js';
import { eraseUser, finishErasure } from './erase-user.js';

let installation: TestInstallation;
beforeAll(async () => {
  installation = await startTestInstallation();
  await HistoryTheatre.prepare(installation);
  await installation.configure(HISTORIES_CONFIGURATION);
});
afterAll(() => installation.stop());

interface Person {
  readonly userId: string;
  /** Everything that has at most one owner, and that this person owns. */
  readonly things: readonly ReturnType<typeof userStream>[];
}

const person = async (deps: UsersDependencies): Promise<Person> => {
  const name = `n${newUuid()}`;
  const address = `${name}@example.org`;
  const login = await loginViaIdp(
    installation,
    new LoginViaIdp(testAssertion(name), { kind: 'sign_in', organizationId: 'default' }, testContext()),
  );
  if (!('userId' in login.outcome)) throw new Error(login.outcome.kind);
  const target = { userId: login.outcome.userId, organizationId: 'default' };
  const emailId = newUuid();
  await changeUsername(deps, new ChangeUsername(target, { username: name, canonical: name }, testContext()));
  await addEmail(deps, new AddEmail(target, { emailId, address }, testContext()));
  await verifyEmail(deps, new VerifyEmail(target, emailId, testContext()));
  const { indexKeys } = installation;
  return {
    userId: target.userId,
    things: [
      externalIdentityStream(login.identityKey),
      usernameStream(usernameKey(indexKeys, 'default', name)),
      verifiedEmailStream(verifiedEmailKey(indexKeys, 'default', address)),
    ],
  };
};

const dependencies = (over: Partial<UsersDependencies> = {}): UsersDependencies => ({
  ...HistoryTheatre.dependenciesOf(installation),
  ...over,
});

const lastTypes = async (streams: Person['things']): Promise<(string | undefined)[]> =>
  Promise.all(streams.map(async (stream) => (await installation.store.read(stream)).at(-1)?.event.type));

/** A store that dies at its append number `at`, counted from 1. */
const dyingAtAppend = (at: number): EventStore => {
  const { store } = installation;
  let made = 0;
  return {
    read: store.read.bind(store),
    append: (request: Parameters<EventStore['append']>[0]) => {
      made += 1;
      return made >= at ? Promise.reject(new Error('killed')) : store.append(request);
    },
  } as unknown as EventStore;
};
const killed = (): Promise<never> => Promise.reject(new Error('killed'));

describe('erasure', () => {
  const erase = (deps: UsersDependencies, userId: string) =>
    eraseUser(deps, new EraseUser({ userId, organizationId: 'default' }, testContext()));

  it.each<[string, () => Partial<UsersDependencies>]>([
    ['the sessions were ended', () => ({ carryOutRevocations: killed })],
    ['anything was released', () => ({ store: dyingAtAppend(2) })],
    ['the second thing was released', () => ({ store: dyingAtAppend(3) })],
    ['the third thing was released', () => ({ store: dyingAtAppend(4) })],
    ['the key was destroyed', () => ({ destroyKey: killed })],
    ['it was said that it is done', () => ({ store: dyingAtAppend(5) })],
    ['the rows were purged', () => ({ purge: killed })],
  ])('killed before %s: whoever comes next finishes it, once', async (_title, fate) => {
    const { userId, things } = await person(dependencies());
    await expect(erase(dependencies(fate()), userId)).rejects.toThrow('killed');
    for (let time = 0; time < 2; time += 1) await finishErasure(dependencies(), userId, testContext());
    expect(await lastTypes(things)).toEqual(['ExternalIdentityReleased', 'UsernameReleased', 'EmailReleased']);
    const events = await installation.store.read(userStream(userId));
    expect(events.map(({ event }) => event.type).slice(-2)).toEqual(['ErasureStarted', 'UserErased']);
    expect((await installation.keys.forReading([userId])).get(userId)).toEqual({ kind: 'destroyed' });
  });

  it('invariant 10: nothing personal can be read of it any more, and what happened still can', async () => {
    const { userId } = await person(dependencies());
    const before = await installation.store.read(userStream(userId));
    expect(JSON.stringify(before.map(({ event }) => event.data))).toContain('@example.org');
    await erase(dependencies(), userId);
    const after = await installation.store.read(userStream(userId));
    expect(after.map(({ event }) => event.type)).toEqual([
      ...before.map(({ event }) => event.type),
      'ErasureStarted',
      'UserErased',
    ]);
    expect(JSON.stringify(after.map(({ event }) => event.data))).not.toMatch(/@example\.org|Person/);
    expect(after.flatMap(({ erased }) => erased)).toEqual(
      expect.arrayContaining(['displayName', 'subject', 'username', 'address']),
    );
  });

  it('what it held can be held by somebody else', async () => {
    const deps = dependencies();
    const first = await person(deps);
    const name = `n${newUuid()}`;
    const target = { userId: first.userId, organizationId: 'default' };
    await changeUsername(deps, new ChangeUsername(target, { username: name, canonical: name }, testContext()));
    const second = await person(deps);
    const takeOver = () =>
      changeUsername(
        deps,
        new ChangeUsername({ ...target, userId: second.userId }, { username: name, canonical: name }, testContext()),
      );
    expect((await takeOver()).outcome).toEqual({ kind: 'refused', code: 'username_taken' });
    await erase(deps, first.userId);
    expect((await takeOver()).outcome).toEqual({ kind: 'done' });
  });

  it('invariant 11: a user of another organization is not found', async () => {
    const deps = dependencies();
    const { userId } = await person(deps);
    const { outcome } = await eraseUser(deps, new EraseUser({ userId, organizationId: 'other' }, testContext()));
    expect(outcome).toEqual({ kind: 'refused', code: 'user_not_found' });
    expect((await installation.store.read(userStream(userId))).map(({ event }) => event.type)).not.toContain(
      'ErasureStarted',
    );
  });
});
