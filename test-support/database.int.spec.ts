import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { createTestDatabase } from './database.js';
import type { TestDatabase } from './database.js';

const query = async (url: string, sql: string): Promise<Record<string, unknown>[]> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
};

describe('createTestDatabase', () => {
  const databases: TestDatabase[] = [];
  beforeAll(async () => {
    databases.push(...(await Promise.all([createTestDatabase(), createTestDatabase(), createTestDatabase()])));
  });
  afterAll(() => Promise.all(databases.map((database) => database.drop())));

  it('gives databases of their own, also when made at once', async () => {
    const [one, two] = databases;
    await query(one!.urls.ligature_identity, 'CREATE TABLE provider.marks (name text)');
    expect(await query(two!.urls.ligature_identity, `SELECT to_regclass('provider.marks') AS found`)).toEqual([
      { found: null },
    ]);
  });

  it('connects each role as itself', async () => {
    for (const [role, url] of Object.entries(databases[0]!.urls))
      expect(await query(url, 'SELECT current_user AS me')).toEqual([{ me: role }]);
  });

  it('keeps the log to the event-store role', async () => {
    await query(databases[0]!.urls.ligature_event_store, 'CREATE TABLE log.records (id int)');
    for (const role of ['ligature_identity', 'ligature_projector', 'ligature_cli'] as const)
      await expect(query(databases[0]!.urls[role], 'SELECT * FROM log.records')).rejects.toThrow(
        'permission denied for schema log',
      );
  });

  it('drops a database that somebody is still connected to', async () => {
    const database = await createTestDatabase();
    const client = new pg.Client({ connectionString: database.urls.ligature_cli });
    client.on('error', () => undefined);
    const ended = new Promise<void>((resolve) => client.once('end', () => resolve()));
    await client.connect();
    await database.drop();
    await ended;
    await expect(query(database.adminUrl, 'SELECT 1')).rejects.toThrow('does not exist');
  });
});
