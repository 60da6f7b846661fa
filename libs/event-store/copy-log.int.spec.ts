import { EventStoreDBClient, NO_STREAM, binaryEvent, jsonEvent } from '@eventstore/db-client';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { startTestEventStore } from '#test-support/event-store.js';
import type { TestEventStore } from '#test-support/event-store.js';
import { CopyRefusedError, CopyStoppedError, copyLog } from './copy-log.js';
import type { CopyProgress } from './copy-log.js';

let from: TestEventStore;
let to: TestEventStore;
let client: EventStoreDBClient;
const others: EventStoreDBClient[] = [];

beforeEach(async () => {
  [from, to] = await Promise.all([startTestEventStore(), startTestEventStore()]);
  client = EventStoreDBClient.connectionString(from.url);
});
afterEach(async () => {
  for (const each of [client, ...others.splice(0)]) await each.dispose();
  await Promise.all([from.stop(), to.stop()]);
});

const target = (): EventStoreDBClient => {
  const other = EventStoreDBClient.connectionString(to.url);
  others.push(other);
  return other;
};

/** What a log holds beside the server's own streams, byte by byte, in order. */
const contents = async ({ database }: TestEventStore): Promise<unknown[]> => {
  const connection = new pg.Client({ connectionString: database.adminUrl });
  await connection.connect();
  const { rows } = await connection.query(
    `SELECT stream, revision, CASE WHEN type <> '$streamDeleted' THEN id END AS id, type, is_json, encode(data, 'hex') AS data, encode(metadata, 'hex') AS metadata
     FROM log.events WHERE stream NOT LIKE '$%' OR (stream LIKE '$$%' AND stream NOT LIKE '$$$%') ORDER BY position`,
  );
  await connection.end();
  return rows;
};

const many = (n: number): ReturnType<typeof jsonEvent>[] =>
  Array.from({ length: n }, (_, index) => jsonEvent({ type: 'E', data: { index } }));

describe('a copied log', () => {
  it('has every event in order, with id, type, data and metadata as bytes', async () => {
    await client.appendToStream(
      'user-1',
      jsonEvent({ type: 'A', data: { a: 'ü😀' }, metadata: { $correlationId: 'c' } }),
    );
    await client.appendToStream(
      'user-2',
      binaryEvent({ type: 'B', data: Uint8Array.from([0, 255]), metadata: Uint8Array.from([1]) }),
    );
    await client.appendToStream('ü 😀', [binaryEvent({ type: 'Empty', data: new Uint8Array(0) }), ...many(50)]);
    await client.appendToStream('user-1', many(3), { expectedRevision: 0n });
    await client.setStreamMetadata('user-2', { maxCount: 3 });
    expect(await copyLog({ from: from.url, to: to.url })).toEqual({ copied: 57, verified: 57, resumed: false });
    expect(await contents(to)).toEqual(await contents(from));
  });

  it('keeps JSON as it was written, which a client that parses it would not', async () => {
    await client.appendToStream('user-1', jsonEvent({ type: 'Odd', data: {} }));
    const connection = new pg.Client({ connectionString: from.database.adminUrl });
    await connection.connect();
    await connection.query(
      `UPDATE log.events SET data = convert_to('{ "big": 12345678901234567890, "1": 1.0 }', 'UTF8') WHERE stream = 'user-1'`,
    );
    await connection.end();
    await copyLog({ from: from.url, to: to.url });
    expect(await contents(to)).toEqual(await contents(from));
  });

  it('has deletions as well', async () => {
    await client.appendToStream('soft', many(2));
    await client.deleteStream('soft');
    await client.appendToStream('soft', many(1), { expectedRevision: NO_STREAM });
    await client.appendToStream('hard', many(2));
    await client.tombstoneStream('hard');
    await client.appendToStream('user-1', many(1));
    await copyLog({ from: from.url, to: to.url });
    await expect(target().appendToStream('hard', many(1))).rejects.toMatchObject({ type: 'stream-deleted' });
    const revisions: bigint[] = [];
    for await (const { event } of target().readStream('soft')) revisions.push(event?.revision ?? -1n);
    expect(revisions).toEqual([2n]);
    // Once more: nothing to do.
    expect(await copyLog({ from: from.url, to: to.url })).toMatchObject({ copied: 0, resumed: true });
  });

  it('tells how far it is', async () => {
    for (let n = 0; n < 3; n++) await client.appendToStream('user-1', many(500));
    const progress: CopyProgress[] = [];
    await copyLog({ from: from.url, to: to.url, onProgress: (each) => progress.push(each) });
    expect(new Set(progress.map(({ phase }) => phase))).toEqual(new Set(['copying', 'verifying']));
    const last = progress.at(-1);
    expect(last).toMatchObject({ phase: 'verifying', events: 1_500 });
    expect(last?.position).toBe(last?.end);
  });
});

describe('an interrupted copy', () => {
  it('goes on where it was', async () => {
    for (let n = 0; n < 20; n++) await client.appendToStream(`user-${n % 7}`, many(100));
    const controller = new AbortController();
    const onProgress = ({ events }: CopyProgress): void => {
      if (events >= 500) controller.abort();
    };
    await expect(copyLog({ from: from.url, to: to.url, signal: controller.signal, onProgress })).rejects.toBeInstanceOf(
      CopyStoppedError,
    );
    const before = (await contents(to)).length;
    expect(before).toBeGreaterThanOrEqual(500);
    expect(before).toBeLessThan(2_000);
    const report = await copyLog({ from: from.url, to: to.url });
    expect(report).toEqual({ copied: 2_000 - before, verified: 2_000, resumed: true });
    expect(await contents(to)).toEqual(await contents(from));
  });

  it('also copies what came since', async () => {
    await client.appendToStream('user-1', many(10));
    await copyLog({ from: from.url, to: to.url });
    await client.appendToStream('user-2', many(5));
    expect(await copyLog({ from: from.url, to: to.url })).toEqual({ copied: 5, verified: 15, resumed: true });
  });
});

describe('a copy is refused', () => {
  const refusal = (): Promise<unknown> => copyLog({ from: from.url, to: to.url }).catch((error: unknown) => error);

  it('into a store that holds something else', async () => {
    await client.appendToStream('user-1', many(2));
    await target().appendToStream('user-9', many(1));
    const error = await refusal();
    expect(error).toBeInstanceOf(CopyRefusedError);
    expect(error).toMatchObject({ code: 'not_a_copy' });
  });

  it('when the target has changed in the middle', async () => {
    await client.appendToStream('user-1', many(100));
    await copyLog({ from: from.url, to: to.url });
    const connection = new pg.Client({ connectionString: to.database.adminUrl });
    await connection.connect();
    await connection.query(`UPDATE log.events SET data = '{}' WHERE stream = 'user-1' AND revision = 3`);
    await connection.end();
    expect(await refusal()).toMatchObject({ code: 'verification_failed' });
  });

  it('when the source has lost the beginning of a stream', async () => {
    await client.appendToStream('user-1', many(5));
    const connection = new pg.Client({ connectionString: from.database.adminUrl });
    await connection.connect();
    await connection.query(`DELETE FROM log.events WHERE stream = 'user-1' AND revision < 2`);
    await connection.end();
    expect(await refusal()).toMatchObject({ code: 'events_missing' });
  });
});
