import { setTimeout as delay } from 'node:timers/promises';
import { Command } from 'commander';
import { masterKeyShape, readConfiguration } from '#libs/platform/configuration.js';
import { requestRotation, rotationDone } from '#libs/openid-provider/signing-keys.postgres.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { countKeysNotUnder, masterKeyId } from '#libs/privacy/subject-keys.postgres.js';
import { withDatabase } from '../connections.js';
import { UsageError } from '../exit-codes.js';
import { print } from '../output.js';

const PATIENCE_MS = 60_000;
const POLL_MS = 500;

/** PostgreSQL's codes for a table that is not there, and for one that this role may not use. */
const NOT_OURS_TO_USE: ReadonlySet<unknown> = new Set(['42P01', '42501']);

/** `ligature keys rotate`, and `ligature keys rotate --signing` */
export const keysCommand = (): Command => {
  const keys = new Command('keys').description('the keys that protect personal data, and those that sign tokens');
  keys
    .command('rotate')
    .description('wait until every key is wrapped under LIGATURE_MASTER_KEY; the identity server does the work')
    .option('--signing', 'rotate the keys that sign tokens instead: new ones are published now, and sign after a while')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Start the identity server with the new LIGATURE_MASTER_KEY and the old one as LIGATURE_MASTER_KEY_PREVIOUS first.
With --signing nothing has to be prepared: apps find the new keys in the JWKS before the first token is signed with them.

Examples:
  $ ligature keys rotate
  $ ligature keys rotate --signing`,
    )
    .action(({ json, signing }: { json?: boolean; signing?: boolean }) =>
      signing ? rotateSigningKeys(json) : waitForRewrapping(json),
    );
  return keys;
};

const rotateSigningKeys = async (json: boolean | undefined): Promise<void> => {
  const signsFrom = await withDatabase(async (pool) => {
    const number = await askForRotation(pool);
    for (const patienceEndsAt = Date.now() + PATIENCE_MS; Date.now() < patienceEndsAt; await delay(POLL_MS)) {
      const done = await rotationDone(pool, number);
      if (done) return done;
    }
    return undefined;
  });
  print(json, { signsFrom: signsFrom?.toISOString() ?? null }, [
    signsFrom
      ? `New signing keys are published. They sign from ${signsFrom.toISOString()}; the old ones stay published while their tokens live.`
      : 'Asked for, but no identity server has made the keys for a minute. It will when it runs.',
  ]);
  if (!signsFrom) process.exitCode = 1;
};

/**
 * The identity server makes the table, and lets the command line's role use it.
 * @throws {UsageError} where it has not
 */
const askForRotation = async (pool: Pool): Promise<string> => {
  try {
    return await requestRotation(pool);
  } catch (error) {
    if (!NOT_OURS_TO_USE.has((error as { code?: unknown }).code)) throw error;
    throw new UsageError(
      'There are no signing keys to rotate here: no identity server has run on this database yet, or DATABASE_URL is not that of the role ligature_cli.',
    );
  }
};

const waitForRewrapping = async (json: boolean | undefined): Promise<void> => {
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
};
