import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { userStream } from '../streams.js';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import { HISTORIES_CONFIGURATION, HistoryTheatre } from '#test-support/account-histories.js';
import { startTestInstallation, testContext } from '#test-support/installation.js';
import type { TestInstallation } from '#test-support/installation.js';
import { ChangeUsername, DeactivateUser } from './account.command.js';
import { changeUsername, deactivateUser, registerUser } from './account-commands.js';
import { RegisterUser } from './register-user.command.js';

let installation: TestInstallation;
beforeAll(async () => {
  installation = await startTestInstallation();
  await HistoryTheatre.prepare(installation);
  await installation.configure(HISTORIES_CONFIGURATION);
});
afterAll(() => installation.stop());

const nameOf = (username: string) => ({ username, canonical: username.toLowerCase() });
const register = async (username: string): Promise<string> => {
  const created = await registerUser(
    HistoryTheatre.dependenciesOf(installation),
    new RegisterUser(
      {
        organizationId: 'default',
        displayName: 'Ada',
        username: nameOf(username),
        email: undefined,
        password: 'x',
        identity: undefined,
      },
      testContext(),
    ),
  );
  if (created.kind !== 'created') throw new Error(created.kind);
  return created.userId;
};
const typesOf = async (userId: string): Promise<string[]> =>
  (await installation.store.read(userStream(userId))).map(({ event }) => event.type);

describe('a command with an id of its caller’s', () => {
  const keyed = (commandId: string, bodyHash = 'body'): CommandContext => ({ ...testContext(commandId), bodyHash });
  const killed = { carryOutRevocations: () => Promise.reject(new Error('killed')) };

  it('server killed between append and answer: the retry answers what was decided then, and there is one effect', async () => {
    const target = { userId: await register('retried'), organizationId: 'default' };
    const command = new DeactivateUser(target, keyed('deactivate'));
    const deps = HistoryTheatre.dependenciesOf(installation);
    await expect(deactivateUser({ ...deps, ...killed }, command)).rejects.toThrow('killed');
    expect((await deactivateUser(deps, command)).outcome).toEqual({ kind: 'done' });
    expect((await typesOf(target.userId)).filter((type) => type === 'UserDeactivated')).toHaveLength(1);
    const another = new DeactivateUser(target, keyed('deactivate', 'another body'));
    expect((await deactivateUser(deps, another)).outcome).toEqual({ kind: 'refused', code: 'idempotency_key_reused' });
  });

  it('the same for one that claims a name: the retry claims nothing, and the name stays', async () => {
    const target = { userId: await register('renamed'), organizationId: 'default' };
    const deps = HistoryTheatre.dependenciesOf(installation);
    const command = new ChangeUsername(target, nameOf('after'), keyed('rename'));
    await expect(changeUsername({ ...deps, ...killed }, command)).rejects.toThrow('killed');
    expect((await changeUsername(deps, command)).outcome).toEqual({ kind: 'done' });
    expect((await typesOf(target.userId)).filter((type) => type === 'UsernameChanged')).toHaveLength(2);
    const other = { userId: await register('other'), organizationId: 'default' };
    expect((await changeUsername(deps, new ChangeUsername(other, nameOf('AFTER'), testContext()))).outcome).toEqual({
      kind: 'refused',
      code: 'username_taken',
    });
  });
});
