import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestInstallation, testContext } from '#test-support/installation.js';
import type { TestInstallation } from '#test-support/installation.js';
import { checkInstallationSecrets, WrongSecretError } from './installation-secrets.js';
import { streamName } from './stream-name.js';

let installation: TestInstallation;

beforeAll(async () => {
  installation = await startTestInstallation();
});
afterAll(() => installation.stop());

const check = (index: string, master: string): Promise<void> =>
  checkInstallationSecrets(installation.store, { index, master }, testContext());
const recorded = async () =>
  (await installation.store.read(streamName('installation', 'secrets'))).map(({ event }) => event.data);

describe('the secrets of an installation', () => {
  it('are recorded in a log that has none, once, also when several instances start at once; another secret refuses to start', async () => {
    await Promise.all(Array.from({ length: 8 }, () => check('index-1', 'master-1')));
    const both = [
      { secret: 'index', fingerprint: 'index-1' },
      { secret: 'master', fingerprint: 'master-1' },
    ];
    expect(await recorded()).toEqual(both);
    await check('index-1', 'master-1');
    await expect(check('index-2', 'master-1')).rejects.toThrow(WrongSecretError);
    await expect(check('index-2', 'master-1')).rejects.toThrow('LIGATURE_INDEX_SECRET');
    await expect(check('index-1', 'master-2')).rejects.toThrow('LIGATURE_MASTER_KEY');
    expect(await recorded()).toEqual(both);
  });

  it('another master key is taken with the one before it, once; from then on the one before is refused', async () => {
    const rotate = () =>
      checkInstallationSecrets(
        installation.store,
        { index: 'index-1', master: 'master-2', previousMaster: 'master-1' },
        testContext(),
      );
    await rotate();
    await rotate();
    expect((await recorded()).slice(2)).toEqual([{ secret: 'master', fingerprint: 'master-2' }]);
    await check('index-1', 'master-2');
    await expect(check('index-1', 'master-1')).rejects.toThrow('LIGATURE_MASTER_KEY');
  });
});
