import { setTimeout as delay } from 'node:timers/promises';
import { Command } from 'commander';
import { masterKeyShape, readConfiguration } from '#libs/platform/configuration.js';
import { countKeysNotUnder, masterKeyId } from '#libs/privacy/subject-keys.postgres.js';
import { withDatabase } from '../connections.js';
import { print } from '../output.js';

const PATIENCE_MS = 60_000;
const POLL_MS = 500;

/** `ligature keys rotate` */
export const keysCommand = (): Command => {
  const keys = new Command('keys').description('the keys that protect personal data');
  keys
    .command('rotate')
    .description('wait until every key is wrapped under LIGATURE_MASTER_KEY; the identity server does the work')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nStart the identity server with the new LIGATURE_MASTER_KEY and the old one as LIGATURE_MASTER_KEY_PREVIOUS first.\n\nExample:\n  $ ligature keys rotate',
    )
    .action(async ({ json }: { json?: boolean }) => {
      const id = masterKeyId(readConfiguration(masterKeyShape).LIGATURE_MASTER_KEY);
      const left = await withDatabase(async (pool) => {
        let fewest = Number.POSITIVE_INFINITY;
        let progressAt = Date.now();
        for (;;) {
          const count = await countKeysNotUnder(pool, id);
          if (count < fewest) [fewest, progressAt] = [count, Date.now()];
          if (count === 0 || Date.now() - progressAt > PATIENCE_MS) return count;
          if (!json) console.error(`${count} keys are under another master key still`);
          await delay(POLL_MS);
        }
      });
      print(json, { masterKey: id, left }, [
        left === 0
          ? 'Every key is under LIGATURE_MASTER_KEY; LIGATURE_MASTER_KEY_PREVIOUS can go.'
          : `${left} keys are under another master key, and none was rewrapped for a minute. Is the identity server started with LIGATURE_MASTER_KEY_PREVIOUS?`,
      ]);
      if (left > 0) process.exitCode = 1;
    });
  return keys;
};
