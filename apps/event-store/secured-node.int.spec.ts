import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { silentLogger } from '#libs/platform/logger.js';
import { tlsCertificate } from '#test-support/certificate.js';
import { createTestDatabase } from '#test-support/database.js';
import type { TestDatabase } from '#test-support/database.js';
import { failure, tried } from './contract/recording.js';
import type { Recorded } from './contract/recording.js';
import { startNode } from './node.js';
import type { EventStoreNode } from './node.js';

const recording = JSON.parse(
  readFileSync(new URL('contract/fixtures/event-store-23.10.8-secured.json', import.meta.url), 'utf8'),
) as Record<string, Recorded>;

let database: TestDatabase;
let node: EventStoreNode;
let folder: string;
const clients: EventStoreDBClient[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  folder = mkdtempSync(join(tmpdir(), 'ligature-tls-'));
  const { certificate, key } = await tlsCertificate();
  writeFileSync(join(folder, 'ca.pem'), certificate);
  node = await startNode({
    databaseUrl: database.urls.ligature_event_store,
    host: '127.0.0.1',
    port: 0,
    tls: { certificate: Buffer.from(certificate), key: Buffer.from(key) },
    accounts: {
      administrators: new Map([
        ['admin', 'changeit'],
        ['ligature', 'pa:ss wörd'],
      ]),
      appenders: new Map([['server', 'secret']]),
    },
    logger: silentLogger,
  });
});

afterAll(async () => {
  for (const client of clients) await client.dispose();
  await node.stop();
  await database.drop();
  rmSync(folder, { recursive: true });
});

const connect = (
  credentials: string,
  options = `tls=true&tlsCAFile=${encodeURIComponent(join(folder, 'ca.pem'))}`,
): EventStoreDBClient => {
  const client = EventStoreDBClient.connectionString(`esdb://${credentials}localhost:${node.port}?${options}`);
  clients.push(client);
  return client;
};

const drain = async (read: AsyncIterable<unknown>): Promise<number> => {
  let count = 0;
  for await (const _ of read) count += 1;
  return count;
};

const firstOf = (client: EventStoreDBClient): Promise<unknown> =>
  new Promise((resolve) => {
    const subscription = client.subscribeToAll();
    subscription.on('error', (error) => resolve(failure(error)));
    subscription.on('confirmation', () => {
      resolve('confirmation');
      void subscription.unsubscribe();
    });
  });

let streams = 0;
const play = async (client: EventStoreDBClient): Promise<Recorded> => {
  const stream = `secured-${streams++}`;
  const append = await tried(
    async () => (await client.appendToStream(stream, jsonEvent({ type: 'A', data: {} }))).success,
  );
  return JSON.parse(
    JSON.stringify({
      append,
      read: await tried(() => drain(client.readStream(stream))),
      readAll: await tried(() => drain(client.readAll({ maxCount: 1 }))),
      subscribe: await firstOf(client),
    }),
  );
};

describe('a node with TLS and users answers as recorded on EventStoreDB 23.10.8', () => {
  it.each([
    ['no credentials', ''],
    ['wrong credentials', 'admin:wrong@'],
    ['unknown user', 'nobody:changeit@'],
    ['right credentials', 'admin:changeit@'],
  ])('%s', async (name, credentials) => {
    expect(await play(connect(credentials))).toEqual(recording[name]);
  });

  it('wrong credentials on one call', async () => {
    const client = connect('admin:changeit@');
    const append = await tried(() =>
      client.appendToStream('secured', jsonEvent({ type: 'A', data: {} }), {
        credentials: { username: 'admin', password: 'wrong' },
      }),
    );
    expect(JSON.parse(JSON.stringify({ append }))).toEqual(recording['wrong credentials on one call']);
  });

  it('certificate not trusted', async () => {
    const append = await connect('admin:changeit@', 'tls=true')
      .appendToStream('secured', jsonEvent({ type: 'A', data: {} }))
      .catch((error: unknown) => error);
    // The words after these are those of the certificate's kind, which was another one there.
    expect(append).toMatchObject({ code: 14, message: expect.stringContaining('No connection established') });
  });

  it('plain text to a TLS port', async () => {
    const append = await connect('', 'tls=false')
      .appendToStream('secured', jsonEvent({ type: 'A', data: {} }))
      .catch((error: unknown) => error);
    expect(append).toMatchObject({ code: 14 });
  });
});

it('deletions and metadata need credentials as well', async () => {
  const stranger = connect('');
  await expect(stranger.deleteStream('secured')).rejects.toMatchObject({ type: 'access-denied' });
  await expect(stranger.tombstoneStream('secured')).rejects.toMatchObject({ type: 'access-denied' });
  await expect(stranger.setStreamMetadata('secured', {})).rejects.toMatchObject({ type: 'access-denied' });
});

describe('E1, E4: an account that may append and read only', () => {
  const server = (): EventStoreDBClient => connect('server:secret@');

  it('appends and reads', async () => {
    expect((await server().appendToStream('ordinary', jsonEvent({ type: 'A', data: {} }))).success).toBe(true);
    expect(await drain(server().readStream('ordinary'))).toBe(1);
    expect(await drain(server().readAll({ maxCount: 5 }))).toBeGreaterThan(0);
  });

  it.each<[string, (client: EventStoreDBClient) => Promise<unknown>]>([
    ['deletes no stream', (client) => client.deleteStream('ordinary')],
    ['deletes none for ever', (client) => client.tombstoneStream('ordinary')],
    ['writes no metadata, which could hide events', (client) => client.setStreamMetadata('ordinary', { maxCount: 1 })],
    [
      'writes no metadata as an ordinary append either',
      (client) => client.appendToStream('$$ordinary', jsonEvent({ type: '$metadata', data: { $maxCount: 1 } })),
    ],
    [
      'writes nothing to the store’s own streams',
      (client) => client.appendToStream('$settings', jsonEvent({ type: 'update-default-acl', data: {} })),
    ],
    [
      'nor with credentials at the call',
      (client) =>
        client.appendToStream('$$ordinary', jsonEvent({ type: '$metadata', data: {} }), {
          credentials: { username: 'server', password: 'secret' },
        }),
    ],
  ])('%s', async (_what, forbidden) => {
    await expect(forbidden(server())).rejects.toMatchObject({ type: 'access-denied' });
    expect(await drain(server().readStream('ordinary'))).toBe(1);
  });
});

it('a password may hold colons and other than ASCII', async () => {
  const client = connect(`ligature:${encodeURIComponent('pa:ss wörd')}@`);
  expect((await client.appendToStream('secured', jsonEvent({ type: 'A', data: {} }))).success).toBe(true);
});
