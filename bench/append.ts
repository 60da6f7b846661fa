import { EventStoreDBClient, NO_STREAM } from '@eventstore/db-client';
import type { AppendExpectedRevision } from '@eventstore/db-client';
import pg from 'pg';
import { startEventStoreProcess } from '#test-support/event-store-process.js';
import { median, percentile } from './scenario.js';
import type { Scenario } from './scenario.js';
import { benchEvent } from './support/bench-event.js';
import { drive } from './support/drive.js';
import { startScratchPostgres } from './support/scratch-postgres.js';

const RUNS = 5;
const RUN_MS = 3_000;
const WARM_UP_MS = 1_500;

/** Appends through the client, each writer to its own stream at its exact revision. */
const appends = (client: EventStoreDBClient, run: string): ((worker: number) => Promise<void>) => {
  const revisions = new Map<number, AppendExpectedRevision>();
  return async (worker) => {
    const expectedRevision = revisions.get(worker) ?? NO_STREAM;
    const { nextExpectedRevision } = await client.appendToStream(`bench${run}-${worker}`, benchEvent(), {
      expectedRevision,
    });
    revisions.set(worker, nextExpectedRevision);
  };
};

/**
 * One INSERT per event, each its own transaction, on a connection of its own per writer, into a table like the node's.
 */
const inserts = (connections: readonly pg.Client[], run: string): ((worker: number) => Promise<void>) => {
  const revisions = new Map<number, number>();
  return async (worker) => {
    const { id, type, data, metadata } = benchEvent();
    const revision = revisions.get(worker) ?? 0;
    revisions.set(worker, revision + 1);
    await connections[worker]?.query({
      name: 'insert',
      text: `INSERT INTO plain.events (position, stream, revision, id, type, is_json, data, metadata, created_ms)
        VALUES (nextval('plain.positions'), $1, $2, $3, $4, true, $5, $6, $7)`,
      values: [
        `bench${run}-${worker}`,
        revision,
        id,
        type,
        Buffer.from(JSON.stringify(data)),
        Buffer.from(JSON.stringify(metadata)),
        Date.now(),
      ],
    });
  };
};

/** Appends of one event each to the embedded node, by one writer and by 32. */
export const append: Scenario = {
  name: 'append',
  states:
    '1 kB events, one per append, through the client; node, PostgreSQL 18 (fsync on) and clients on this machine. Baseline: one INSERT per event and ' +
    'transaction over as many connections, same server, same columns and indexes, same durability.',
  goal: '≥ 0.5 × the INSERT with 32 writers',
  measure: async (report) => {
    const postgres = await startScratchPostgres();
    const { ligature_event_store: databaseUrl } = await postgres.createDatabase('bench');
    const node = await startEventStoreProcess({ databaseUrl });
    const client = EventStoreDBClient.connectionString(node.url);
    const adminUrl = new URL(postgres.adminUrl);
    adminUrl.pathname = '/bench';
    const connections = Array.from({ length: 32 }, () => new pg.Client({ connectionString: adminUrl.href }));
    try {
      for (const connection of connections) await connection.connect();
      await connections[0]?.query(
        'CREATE SCHEMA plain; CREATE TABLE plain.events (LIKE log.events INCLUDING ALL); CREATE SEQUENCE plain.positions',
      );
      await drive(32, WARM_UP_MS, appends(client, 'warm'));
      await drive(32, WARM_UP_MS, inserts(connections, 'warm'));
      const rates: Record<string, number[]> = {};
      const p99s: Record<string, number[]> = {};
      for (let run = 1; run <= RUNS; run++) {
        for (const writers of [1, 32]) {
          const appended = await drive(writers, RUN_MS, appends(client, `${run}-${writers}`));
          const inserted = await drive(writers, RUN_MS, inserts(connections, `${run}-${writers}`));
          (rates[`append-${writers}`] ??= []).push(appended.perSecond);
          (rates[`insert-${writers}`] ??= []).push(inserted.perSecond);
          (rates[`ratio-${writers}`] ??= []).push(appended.perSecond / inserted.perSecond);
          (p99s[`append-${writers}`] ??= []).push(percentile(appended.latenciesMs, 0.99));
          report(
            `run ${run}/${RUNS}, ${writers} writers: ${Math.round(appended.perSecond)} appends/s, ${Math.round(inserted.perSecond)} INSERTs/s`,
          );
        }
      }
      const of = (measured: Record<string, number[]>, name: string): number => median(measured[name] ?? []);
      return {
        runs: RUNS,
        ratios: { postgres: of(rates, 'ratio-32'), postgresOneWriter: of(rates, 'ratio-1') },
        figures: {
          appendsPerSecond32Writers: of(rates, 'append-32'),
          insertsPerSecond32Writers: of(rates, 'insert-32'),
          appendP99Ms32Writers: of(p99s, 'append-32'),
          appendsPerSecond1Writer: of(rates, 'append-1'),
          insertsPerSecond1Writer: of(rates, 'insert-1'),
          appendP99Ms1Writer: of(p99s, 'append-1'),
        },
      };
    } finally {
      await client.dispose();
      for (const connection of connections) await connection.end();
      node.kill('SIGTERM');
      await node.ended;
      await postgres.discard();
    }
  },
};
