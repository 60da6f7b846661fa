import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { systemClock } from '#libs/platform/clock.js';
import { newUuid } from '#libs/platform/ids.js';
import { migrate } from '#libs/platform/postgres/migrations.js';
import { createPool } from '#libs/platform/postgres/pool.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { createTestDatabase } from '#test-support/database.js';
import type { TestDatabase } from '#test-support/database.js';
import {
  countKeysNotUnder,
  masterKeyId,
  postgresSubjectKeys,
  rewrapSubjectKeys,
  subjectKeyMigrations,
} from './subject-keys.postgres.js';

const [OLD, NEW] = [randomBytes(32), randomBytes(32)];
let database: TestDatabase;
let pool: Pool;
beforeAll(async () => {
  database = await createTestDatabase();
  pool = createPool(database.urls.ligature_identity, { applicationName: 'test' });
  await migrate(pool, 'keys', subjectKeyMigrations);
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

const keysUnder = (masterKey: Buffer, previousMasterKey?: Buffer) =>
  postgresSubjectKeys({ pool, masterKey, previousMasterKey, clock: systemClock, newId: newUuid });

describe('the master key', () => {
  it('is rotated: the same keys are read before, meanwhile and after, by whoever has the master keys; erased ones stay erased', async () => {
    const subjects = Array.from({ length: 1_200 }, (_, i) => `subject-${i}`);
    const before = keysUnder(OLD);
    const made = await Promise.all(subjects.map((subject) => before.forWriting(subject)));
    await before.destroy('subject-0');
    const secretsBy = async (keys: ReturnType<typeof keysUnder>) => {
      const found = await keys.forReading(subjects);
      return subjects.slice(1).map((subject) => {
        const lookup = found.get(subject);
        return lookup?.kind === 'key' ? lookup.key.secret : undefined;
      });
    };
    const expected = made.slice(1).map(({ secret }) => secret);

    expect(await secretsBy(keysUnder(NEW, OLD))).toEqual(expected);
    await expect(keysUnder(NEW).forReading(['subject-1'])).rejects.toMatchObject({ code: 'wrong_master_key' });

    const rewrapped = await Promise.all([rewrapSubjectKeys(pool, OLD, NEW), rewrapSubjectKeys(pool, OLD, NEW)]);
    expect(Math.max(...rewrapped)).toBeGreaterThan(0);
    expect(await countKeysNotUnder(pool, masterKeyId(NEW))).toBe(0);
    expect(await secretsBy(keysUnder(NEW))).toEqual(expected);
    expect((await keysUnder(NEW).forReading(['subject-0'])).get('subject-0')).toEqual({ kind: 'destroyed' });
    await expect(keysUnder(OLD).forReading(['subject-1'])).rejects.toMatchObject({ code: 'wrong_master_key' });
  });
});
