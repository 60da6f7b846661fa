import { EventStoreDBClient, START, streamNameFilter } from '@eventstore/db-client';
import pg from 'pg';
import { startEventStoreProcess } from '#test-support/event-store-process.js';
import type { EventStoreProcess } from '#test-support/event-store-process.js';
import { median } from './scenario.js';
import type { Scenario } from './scenario.js';
import { startScratchPostgres } from './support/scratch-postgres.js';

const RUNS = 3;
const SIZES: readonly number[] = [10_000, 100_000, 1_000_000];
const MIB = 1024 * 1024;

/** Fills the log as the node itself would have, 1,000 streams of 1 kB events. The node is not running meanwhile. */
const fill = (connection: pg.Client, events: number): Promise<unknown> =>
  connection.query(
    `INSERT INTO log.events (position, stream, revision, id, type, is_json, data, metadata, created_ms)
     SELECT (last.n + g) * 64, 'user-' || (last.n + g) % 1000, (last.n + g) / 1000, gen_random_uuid(), 'Measured', true,
       convert_to('{"n":' || g || ',"filler":"' || repeat('x', 900) || '"}', 'UTF8'), '\\x7b226163746f72223a2262656e6368227d', 0
     FROM (SELECT max(position) / 64 AS n FROM log.events) last, generate_series(1, $1::int) g ORDER BY g`,
    [events],
  );

/** One subscriber to all events, by a filter that lets all of ours through, until it is caught up. */
const catchUpOnce = async (url: string, expected: number): Promise<number> => {
  const client = EventStoreDBClient.connectionString(url);
  const startedMs = performance.now();
  let received = 0;
  await new Promise<void>((resolve, reject) => {
    const subscription = client.subscribeToAll({
      fromPosition: START,
      filter: streamNameFilter({ prefixes: ['user-'] }),
    });
    subscription.on('data', () => {
      received += 1;
      if (received === expected) resolve();
    });
    subscription.on('error', reject);
  });
  const seconds = (performance.now() - startedMs) / 1000;
  await client.dispose();
  return expected / seconds;
};

/** The same rows by SELECT, in pages on one connection, as plainly as one would. */
const selectOnce = async (connection: pg.Client, expected: number): Promise<number> => {
  const startedMs = performance.now();
  let received = 0;
  for (let position = '64'; ;) {
    const { rows } = await connection.query<{ position: string }>({
      name: 'select',
      text: 'SELECT * FROM log.events WHERE position > $1 ORDER BY position LIMIT 1000',
      values: [position],
    });
    const last = rows.at(-1);
    if (last === undefined) break;
    received += rows.length;
    position = last.position;
  }
  if (received !== expected) throw new Error(`SELECT found ${received} of ${expected} events`);
  return expected / ((performance.now() - startedMs) / 1000);
};

const residentBytes = async (node: EventStoreProcess): Promise<number> => {
  const metrics = await (await fetch(`http://127.0.0.1:${node.managementPort}/metrics`)).text();
  return Number(/^process_resident_memory_bytes (\S+)$/m.exec(metrics)?.[1]);
};

/** Samples the node's memory while something runs. @returns the highest sample, in MiB */
const peakOf = async (node: EventStoreProcess, work: () => Promise<unknown>): Promise<number> => {
  let peak = 0;
  let sampling = true;
  const sampler = (async () => {
    while (sampling) {
      peak = Math.max(peak, await residentBytes(node));
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  })();
  await work();
  sampling = false;
  await sampler;
  return peak / MIB;
};

/** One subscriber reading everything there is from the embedded node, at three sizes of the log. */
export const catchUp: Scenario = {
  name: 'catch-up',
  states:
    'One subscriber to $all with a stream-prefix filter reads 10 k, 100 k and 1 M events of 1 kB through the client; node, PostgreSQL 18 and client on ' +
    'this machine. Baseline: plain SELECT of the same rows in pages of 1,000.',
  goal: 'printed; memory flat over 1,000,000 events (a real EventStoreDB: 50,000–57,000 events/s)',
  measure: async (report) => {
    const postgres = await startScratchPostgres();
    const { ligature_event_store: databaseUrl } = await postgres.createDatabase('bench');
    const adminUrl = new URL(postgres.adminUrl);
    adminUrl.pathname = '/bench';
    const connection = new pg.Client({ connectionString: adminUrl.href });
    const figures: Record<string, number> = {};
    let ratio = NaN;
    try {
      await connection.connect();
      let filled = 0;
      for (const size of SIZES) {
        // The first start makes the log; it is filled while no node has it.
        if (filled === 0) {
          const first = await startEventStoreProcess({ databaseUrl });
          first.kill('SIGTERM');
          await first.ended;
        }
        await fill(connection, size - filled);
        filled = size;
        await connection.query('ANALYZE log.events');
        const node = await startEventStoreProcess({ databaseUrl });
        const rates: number[] = [];
        const baselines: number[] = [];
        const peaks: number[] = [];
        for (let run = 1; run <= RUNS; run++) {
          peaks.push(await peakOf(node, async () => rates.push(await catchUpOnce(node.url, size))));
          baselines.push(await selectOnce(connection, size));
          report(
            `run ${run}/${RUNS}, ${size} events: ${Math.round(rates.at(-1) ?? NaN)}/s, SELECT ${Math.round(baselines.at(-1) ?? NaN)}/s`,
          );
        }
        const name = size >= 1_000_000 ? `${size / 1_000_000}M` : `${size / 1_000}k`;
        figures[`eventsPerSecond${name}`] = median(rates);
        figures[`selectedPerSecond${name}`] = median(baselines);
        figures[`nodePeakMiB${name}`] = median(peaks);
        ratio = median(rates) / median(baselines);
        node.kill('SIGTERM');
        await node.ended;
      }
      return { runs: RUNS, ratios: { postgres: ratio }, figures };
    } finally {
      await connection.end();
      await postgres.discard();
    }
  },
};
