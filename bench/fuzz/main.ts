import { parseArgs } from 'node:util';
import { fuzz } from '#test-support/fuzz/fuzz.js';
import type { FuzzReport } from '#test-support/fuzz/fuzz.js';
import { startScratchPostgres } from '../support/scratch-postgres.js';
import { fuzzTargets, serverFuzzTargets } from '#test-support/fuzz/targets.js';

/*
 * `npm run test:fuzz -- [NAME] [--tries N] [--seed N]`: mutated answers of identity providers, and any text by any way
 * in (`text`), and what a stranger’s request costs (`cost`), seeded. Fails
 * when one is accepted that does not say what the provider said, when something throws, when a try takes ten seconds,
 * or when memory keeps growing.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    tries: { type: 'string', default: '110000' },
    seed: { type: 'string', default: '1' },
    target: { type: 'string' },
  },
});
const [tries, seed] = [Number(values.tries), Number(values.seed)];
const SLOWEST_MS = 10_000;
const MOST_GROWTH = 400 * 1024 * 1024;

const wanted = values.target ?? positionals[0];
const targets = [...fuzzTargets, ...serverFuzzTargets].filter(({ name }) => wanted === undefined || name === wanted);
const each = Math.ceil(tries / targets.length);
const before = process.memoryUsage().rss;
console.log(`${each} tries at each of ${targets.length} targets, seed ${seed}`);

const run = async ({ start }: (typeof targets)[number]): Promise<FuzzReport> => {
  const target = await start();
  try {
    const report = await fuzz(target, each, seed);
    const { refused, genuine, accepted, crashes, slowestMs } = report;
    console.log(
      `${report.target}: ${report.tried} tried, ${refused} refused, ${genuine} said what the provider said, ` +
        `${accepted.length} accepted, ${crashes.length} crashes, slowest ${Math.round(slowestMs)} ms`,
    );
    for (const bad of [...accepted, ...crashes].slice(0, 5)) console.log(JSON.stringify(bad));
    return report;
  } finally {
    await target.stop();
  }
};
const postgres = await startScratchPostgres();
process.env.LIGATURE_TEST_POSTGRES_URL = postgres.adminUrl;
const reports: FuzzReport[] = [];
for (const target of targets) reports.push(await run(target));
await postgres.discard();

const growth = process.memoryUsage().rss - before;
const tried = reports.reduce((sum, report) => sum + report.tried, 0);
const failed =
  growth > MOST_GROWTH ||
  reports.some(({ accepted, crashes, slowestMs }) => accepted.length + crashes.length > 0 || slowestMs > SLOWEST_MS);
console.log(
  `${tried} tried; memory grew by ${Math.round(growth / 1024 / 1024)} MiB; ${failed ? 'FAILED' : 'all refused'}`,
);
process.exit(failed ? 1 : 0);
