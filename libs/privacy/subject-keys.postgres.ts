import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '#libs/platform/clock.js';
import type { NewId } from '#libs/platform/ids.js';
import type { Migration } from '#libs/platform/postgres/migrations.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { open, seal } from './sealed.js';
import { SubjectErasedError } from './subject-keys.js';
import type { DestructibleSubjectKeys, KeyLookup, SubjectKey } from './subject-keys.js';

export const subjectKeyMigrations: readonly Migration[] = [
  {
    name: 'privacy/subject-keys',
    sql: `CREATE TABLE keys.subject_keys (
      subject text PRIMARY KEY,
      key_id uuid NOT NULL UNIQUE,
      wrapped bytea,
      master_key_id text NOT NULL,
      created_at timestamptz NOT NULL,
      destroyed_at timestamptz,
      CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
    )`,
  },
];

/** A cached key is used this long at most, so that a key destroyed by another process is soon forgotten here. */
const CACHE_MS = 5_000;
const CACHE_SIZE = 50_000;

interface Row {
  readonly subject: string;
  readonly key_id: string;
  readonly wrapped: Buffer | null;
}

export interface PostgresSubjectKeysOptions {
  readonly pool: Pool;
  /** 32 bytes; wraps the subjects' keys. */
  readonly masterKey: Buffer;
  readonly clock: Clock;
  readonly newId: NewId;
}

/** Names a master key without telling it. */
export const masterKeyId = (masterKey: Buffer): string =>
  createHash('sha256').update('ligature master key id').update(masterKey).digest('hex').slice(0, 16);

/** Subject keys in the schema `keys`. Destroyed keys leave their row as the tombstone. */
export const postgresSubjectKeys = ({ pool, masterKey, clock, newId }: PostgresSubjectKeysOptions): DestructibleSubjectKeys => {
  const cache = new Map<string, { readonly lookup: KeyLookup; readonly until: number }>();
  const remember = (subject: string, lookup: KeyLookup): KeyLookup => {
    if (lookup.kind === 'missing') return lookup;
    if (cache.size >= CACHE_SIZE) cache.delete(cache.keys().next().value as string);
    cache.set(subject, { lookup, until: clock().getTime() + CACHE_MS });
    return lookup;
  };
  const unwrap = (row: Row): KeyLookup =>
    row.wrapped === null
      ? { kind: 'destroyed' }
      : { kind: 'key', key: { id: row.key_id, secret: open(masterKey, row.wrapped, ['subject-key', row.subject, row.key_id]) } };

  const forReading = async (subjects: readonly string[]): Promise<ReadonlyMap<string, KeyLookup>> => {
    const found = new Map<string, KeyLookup>();
    const unknown: string[] = [];
    const now = clock().getTime();
    for (const subject of new Set(subjects)) {
      const cached = cache.get(subject);
      if (cached && cached.until > now) found.set(subject, cached.lookup);
      else unknown.push(subject);
    }
    if (unknown.length === 0) return found;
    const { rows } = await pool.query<Row>('SELECT subject, key_id, wrapped FROM keys.subject_keys WHERE subject = ANY($1)', [unknown]);
    for (const subject of unknown) found.set(subject, { kind: 'missing' });
    for (const row of rows) found.set(row.subject, remember(row.subject, unwrap(row)));
    return found;
  };

  const make = async (subject: string): Promise<void> => {
    const id = newId();
    const wrapped = seal(masterKey, randomBytes(32), ['subject-key', subject, id]);
    await pool.query(
      `INSERT INTO keys.subject_keys (subject, key_id, wrapped, master_key_id, created_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
      [subject, id, wrapped, masterKeyId(masterKey), clock()],
    );
  };

  const forWriting = async (subject: string): Promise<SubjectKey> => {
    let lookup = (await forReading([subject])).get(subject);
    if (lookup?.kind === 'missing') {
      await make(subject);
      lookup = (await forReading([subject])).get(subject);
    }
    if (lookup?.kind === 'destroyed') throw new SubjectErasedError(subject);
    if (lookup?.kind !== 'key') throw new Error(`The key of subject ${subject} could not be stored`);
    return lookup.key;
  };

  const destroy = async (subject: string): Promise<void> => {
    await pool.query(
      `INSERT INTO keys.subject_keys (subject, key_id, wrapped, master_key_id, created_at, destroyed_at) VALUES ($1, $2, NULL, $3, $4, $4)
       ON CONFLICT (subject) DO UPDATE SET wrapped = NULL, destroyed_at = COALESCE(subject_keys.destroyed_at, $4)`,
      [subject, newId(), masterKeyId(masterKey), clock()],
    );
    cache.delete(subject);
  };

  return { forReading, forWriting, destroy };
};
