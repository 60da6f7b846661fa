import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { HistoryTheatre, playHistories } from '#test-support/account-histories.js';
import { startTestInstallation } from '#test-support/installation.js';
import { startScratchPostgres } from '../support/scratch-postgres.js';

/**
 * Generated histories of concurrent commands on accounts (sign-in, link, unlink, register, rename, verify, password,
 * recover, deactivate, erase), by processes that die or stand still between any two appends: invariants 1 to 5, 7, 11
 * and 12 of the domain after every batch of events, and no claim that stays unsettled. `--runs`, 10,000 unless told; a
 * failure is replayed by the `--seed` and `--only` that it names.
 */
const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '10000' },
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
    only: { type: 'string' },
    'at-once': { type: 'string', default: '24' },
  },
});
const seed = Number(values.seed);
console.log(`seed ${seed}`);

const postgres = await startScratchPostgres();
process.env.LIGATURE_TEST_POSTGRES_URL = postgres.adminUrl;
const installation = await startTestInstallation();
const theatre = await HistoryTheatre.open(installation);
const began = performance.now();
const { histories, actions, violations } = await playHistories(theatre, {
  seed,
  runs: Number(values.runs),
  atOnce: Number(values['at-once']),
  only: values.only === undefined ? undefined : Number(values.only),
  onPlayed: (played) => {
    if (played % 500 === 0) console.log(`${played} histories`);
  },
});
const seconds = Math.round((performance.now() - began) / 1_000);
await theatre.close();
await installation.stop();
await postgres.discard();

console.log({ seed, histories, commands: actions, violations: violations.length, seconds });
for (const violation of violations.slice(0, 20)) console.error(violation);
process.exit(violations.length > 0 ? 1 : 0);
