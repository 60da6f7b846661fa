import { setImmediate as turn } from 'node:timers/promises';
import pg from 'pg';
import { userActivityStream } from '#libs/users/streams.js';
import { EXPORT_PIECE, exportLines } from '#libs/audit/export-lines.js';
import { readHistory } from '#libs/audit/history.js';
import { exportQuerySchema, historyQuerySchema } from '#libs/audit/history-query.js';
import { organizationEvents } from '#libs/audit/organization-events.js';
import { historyIndex } from '#libs/audit/queries/history-index.js';
import { userEvents } from '#libs/audit/user-events.js';
import { eventCatalog } from '#libs/event-catalog/event-catalog.js';
import { createCodec } from '#libs/event-store/codec.js';
import type { Codec } from '#libs/event-store/codec.js';
import { connectEventStore } from '#libs/event-store/connect-event-store.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import type { RecordedEvent } from '#libs/event-store/recorded-event.js';
import { systemClock } from '#libs/platform/clock.js';
import { newUuid } from '#libs/platform/ids.js';
import { silentLogger } from '#libs/platform/logger.js';
import { migrate } from '#libs/platform/postgres/migrations.js';
import { createPool } from '#libs/platform/postgres/pool.js';
import {
  createGeneration,
  generationSchema,
  projectionEngineMigrations,
} from '#libs/projection-engine/generations.postgres.js';
import { historyIndexProjection } from '#projections/history-index/history-index.projection.js';
import { connectReadModels } from '#projections/read-models.js';
import type { ReadModels } from '#projections/read-models.js';
import { startEventStoreProcess } from '#test-support/event-store-process.js';
import { MemorySubjectKeys } from '#test-support/subject-keys.js';
import { median, percentile } from './scenario.js';
import type { Scenario } from './scenario.js';
import { startScratchPostgres } from './support/scratch-postgres.js';

const SIZES: readonly number[] = [10_000, 100_000, 1_000_000];
const RUNS = 3;
const PAGES = 300;
const MIB = 1024 * 1024;

/** Every tenth event of the log is the busy user's; ten, near its beginning, are the quiet one's. */
const SHARE = 10;
const [BUSY, QUIET] = [newUuid(), newUuid()];
const QUIET_EVENTS = 10;
const METADATA = JSON.stringify({
  $correlationId: 'bench',
  $causationId: 'bench',
  commandId: 'bench',
  actor: { type: 'system', id: 'bench' },
  organizationId: 'bench',
  occurredAt: '2026-03-03T12:00:00.000Z',
  schemaVersion: 1,
});

const isQuiets = (n: number): boolean => n < QUIET_EVENTS * SHARE && n % SHARE === 1;

interface Row {
  readonly position: number;
  readonly userId: string;
  readonly revision: number;
}

const insertRows = async (db: pg.Client, codec: Codec, rows: readonly Row[]): Promise<void> => {
  const encoded = await Promise.all(
    rows.map(({ userId }) =>
      codec.encode({
        id: newUuid(),
        event: {
          type: 'LoginSucceeded',
          data: {
            sessionId: newUuid(),
            method: 'external_identity',
            providerId: 'acme',
            assertedEmail: 'a@acme.example',
          },
        },
        stream: userActivityStream(userId),
        occurredAt: new Date(),
        subject: userId,
        context: {
          commandId: 'bench',
          correlationId: 'bench',
          actor: { type: 'user', id: userId },
          organizationId: 'bench',
          source: {
            address: '192.0.2.1',
            userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
          },
        },
      }),
    ),
  );
  const bytes = (value: object): Buffer => Buffer.from(JSON.stringify(value));
  await db.query(
    `INSERT INTO log.events (position, stream, revision, id, type, is_json, data, metadata, created_ms)
     SELECT t.position, t.stream, t.revision, t.id, 'LoginSucceeded', true, t.data, t.metadata, 0
     FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::uuid[], $5::bytea[], $6::bytea[]) AS t (position, stream, revision, id, data, metadata)`,
    [
      rows.map(({ position }) => position),
      rows.map(({ userId }) => userActivityStream(userId)),
      rows.map(({ revision }) => revision),
      encoded.map(({ id }) => id),
      encoded.map(({ data }) => bytes(data)),
      encoded.map(({ metadata }) => bytes(metadata)),
    ],
  );
};

/**
 * Adds the events number `from` to `to` to the log, as the node would have, and to the index. The node is not running
 * meanwhile.
 */
const fill = async (
  db: pg.Client,
  codec: Codec,
  index: string,
  { base, from, to }: { base: number; from: number; to: number },
): Promise<void> => {
  let batch: Row[] = [];
  for (let n = from; n <= to; n += 1) {
    const position = (base + n) * 64;
    if (n % SHARE === 0) batch.push({ position, userId: BUSY, revision: n / SHARE - 1 });
    else if (isQuiets(n)) batch.push({ position, userId: QUIET, revision: (n - 1) / SHARE });
    if (batch.length < 2_000 && n < to) continue;
    await insertRows(db, codec, batch);
    batch = [];
  }
  // Everybody else: hundreds of streams, in which every thousandth event is.
  await db.query(
    `INSERT INTO log.events (position, stream, revision, id, type, is_json, data, metadata, created_ms)
     SELECT ($3 + n) * 64, 'userActivity-' || n % 1000, n / 1000 - CASE WHEN n % 1000 < $4 AND n % $5 = 1 THEN 1 ELSE 0 END, gen_random_uuid(),
       'SessionEnded', true, convert_to('{"sessionId":"s' || n || '","reason":"signed_out"}', 'UTF8'), convert_to($6, 'UTF8'), 0
     FROM generate_series($1::bigint, $2::bigint) n WHERE n % $5 <> 0 AND NOT (n < $4 AND n % $5 = 1) ORDER BY n`,
    [from, to, base, QUIET_EVENTS * SHARE, SHARE, METADATA],
  );
  await db.query(
    `INSERT INTO ${index}.history_index
     SELECT 'bench', position, stream, revision, type, '2026-03-03T12:00:00Z', 'system', 'bench', NULL FROM log.events WHERE position >= $1`,
    [(base + from) * 64],
  );
  await db.query('ANALYZE');
};

/** First pages of the two users in turn. @returns the p99 of each, in milliseconds */
const firstPages = async (
  store: EventStore,
  limit: number,
): Promise<{ readonly busy: number; readonly quiet: number }> => {
  const query = historyQuerySchema.parse({ order: 'desc', limit });
  const took: Record<string, number[]> = { [BUSY]: [], [QUIET]: [] };
  for (let page = 0; page < PAGES; page += 1) {
    for (const userId of page % 2 ? [BUSY, QUIET] : [QUIET, BUSY]) {
      const startedMs = performance.now();
      const { entries } = await readHistory(store, userId, query);
      took[userId]?.push(performance.now() - startedMs);
      if (entries.length !== Math.min(limit, userId === BUSY ? limit : QUIET_EVENTS))
        throw new Error(`A page had ${entries.length} entries`);
    }
  }
  return { busy: percentile(took[BUSY] ?? [], 0.99), quiet: percentile(took[QUIET] ?? [], 0.99) };
};

/** Runs an export to its end. @returns lines per second, and the most memory that it was seen with, in MiB */
const exportAll = async (
  events: AsyncIterable<RecordedEvent>,
): Promise<{ readonly lines: number; readonly perSecond: number; readonly peakMiB: number }> => {
  const startedMs = performance.now();
  let [lines, peak] = [0, 0];
  for await (const text of exportLines(events, exportQuerySchema.parse({}))) {
    lines += text.split('\n').length - 1;
    peak = Math.max(peak, process.memoryUsage().rss);
    await turn();
  }
  return { lines, perSecond: lines / ((performance.now() - startedMs) / 1_000), peakMiB: peak / MIB };
};

const nameOf = (size: number): string => (size >= 1_000_000 ? `${size / 1_000_000}M` : `${size / 1_000}k`);

/** A user's first page of history whatever their past, and exports of all there is. */
export const history: Scenario = {
  name: 'history',
  states:
    'First page (the newest 10 entries, sealed fields opened) of a user with a tenth of all events against a user with 10, in turn, over logs of ' +
    `10 k, 100 k and 1 M events; p99 of ${PAGES} pages each; embedded node in a process of its own, PostgreSQL 18, subject keys in memory. Then the whole log ` +
    'exported as NDJSON: of the organization by the index, and the busy user’s.',
  goal: 'p99 of the first page within 1.5 × of the quiet user’s; exports in memory that does not grow with their length',
  measure: async (report) => {
    const postgres = await startScratchPostgres();
    const urls = await postgres.createDatabase('bench');
    const adminUrl = new URL(postgres.adminUrl);
    adminUrl.pathname = '/bench';
    const db = new pg.Client({ connectionString: adminUrl.href });
    const pool = createPool(urls.ligature_projector, { applicationName: 'bench' });
    const figures: Record<string, number> = {};
    let ratio = NaN;
    let readModels: ReadModels | undefined;
    try {
      await db.connect();
      const first = await startEventStoreProcess({ databaseUrl: urls.ligature_event_store });
      first.kill('SIGTERM');
      await first.ended;
      await migrate(pool, 'models', projectionEngineMigrations);
      const index = generationSchema(await createGeneration(pool, historyIndexProjection, 'live'));
      readModels = await connectReadModels(urls.ligature_identity, 'bench');
      const keys = new MemorySubjectKeys();
      const { rows } = await db.query<{ base: string }>(
        'SELECT coalesce(max(position), 0) / 64 AS base FROM log.events',
      );
      const base = Number(rows[0]?.base);
      let filled = 0;
      for (const size of SIZES) {
        await fill(db, createCodec(eventCatalog, keys), index, { base, from: filled + 1, to: size });
        filled = size;
        const node = await startEventStoreProcess({ databaseUrl: urls.ligature_event_store });
        const options = {
          url: node.url,
          catalog: eventCatalog,
          keys,
          clock: systemClock,
          newId: newUuid,
          logger: silentLogger,
        };
        const { store, connection } = connectEventStore(options);
        const pages: { readonly busy: number; readonly quiet: number }[] = [];
        for (let run = 1; run <= RUNS; run += 1) {
          const page = await firstPages(store, QUIET_EVENTS);
          pages.push(page);
          report(
            `run ${run}/${RUNS}, ${size} events: p99 ${page.busy.toFixed(1)} ms, of the quiet user ${page.quiet.toFixed(1)} ms`,
          );
        }
        ratio = median(pages.map(({ busy, quiet }) => busy / quiet));
        const name = nameOf(size);
        figures[`ratio${name}`] = ratio;
        figures[`busyP99Ms${name}`] = median(pages.map(({ busy }) => busy));
        figures[`quietP99Ms${name}`] = median(pages.map(({ quiet }) => quiet));
        figures[`busyPageOf100P99Ms${name}`] = (await firstPages(store, 100)).busy;
        const organization = organizationEvents(store, historyIndex(readModels), 'bench', {
          order: 'asc',
          piece: EXPORT_PIECE,
        });
        const whole = await exportAll(organization);
        if (whole.lines !== size) throw new Error(`The export had ${whole.lines} lines of ${size}`);
        report(
          `exported ${whole.lines} of the organization: ${Math.round(whole.perSecond)}/s, ${Math.round(whole.peakMiB)} MiB`,
        );
        figures[`organizationExportPerSecond${name}`] = whole.perSecond;
        figures[`organizationExportPeakMiB${name}`] = whole.peakMiB;
        const busys = await exportAll(userEvents(store, BUSY, { order: 'asc', piece: EXPORT_PIECE }));
        report(
          `exported ${busys.lines} of the busy user: ${Math.round(busys.perSecond)}/s, ${Math.round(busys.peakMiB)} MiB`,
        );
        figures[`userExportPerSecond${name}`] = busys.perSecond;
        figures[`userExportPeakMiB${name}`] = busys.peakMiB;
        await connection.close();
        node.kill('SIGTERM');
        await node.ended;
      }
      return { runs: RUNS, ratios: { quiet: ratio }, figures };
    } finally {
      await readModels?.destroy();
      await pool.end();
      await db.end();
      await postgres.discard();
    }
  },
};
