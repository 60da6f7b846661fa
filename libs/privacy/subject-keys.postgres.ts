import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '#libs/platform/clock.js';
import type { NewId } from '#libs/platform/ids.js';
import type { Migration } from '#libs/platform/postgres/migrations.js';
import type { Pool, Queryable } from '#libs/platform/postgres/pool.js';
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
  readonly master_key_id: string;
}

export interface PostgresSubjectKeysOptions {
  readonly pool: Pool;
  /** 32 bytes; wraps the subjects' keys. */
  readonly masterKey: Buffer;
  /** The one before it, while keys are rewrapped: what it wrapped can be read still. */
  readonly previousMasterKey?: Buffer | undefined;
  readonly clock: Clock;
  readonly newId: NewId;
}

/** What a key is wrapped for: it cannot be put in another one's place. */
const contextOf = ({ subject, key_id: keyId }: Pick<Row, 'subject' | 'key_id'>): readonly string[] => [
  'subject-key',
  subject,
  keyId,
];

/** A key is wrapped under a master key that this process does not have. */
export class WrongMasterKeyError extends Error {
  readonly code = 'wrong_master_key';
  constructor(subject: string) {
    super(
      `The key of subject ${subject} is wrapped under another master key; while keys are rewrapped, set LIGATURE_MASTER_KEY_PREVIOUS to the one before`,
    );
  }
}

/** Names a master key without telling it. */
export const masterKeyId = (masterKey: Buffer): string =>
  createHash('sha256').update('ligature master key id').update(masterKey).digest('hex').slice(0, 16);

/** Subject keys in the schema `keys`. Destroyed keys leave their row as the tombstone. */
export const postgresSubjectKeys = ({
  pool,
  masterKey,
  previousMasterKey,
  clock,
  newId,
}: PostgresSubjectKeysOptions): DestructibleSubjectKeys => {
  const cache = new Map<string, { readonly lookup: KeyLookup; readonly until: number }>();
  const remember = (subject: string, lookup: KeyLookup): KeyLookup => {
    if (lookup.kind === 'missing') return lookup;
    if (cache.size >= CACHE_SIZE) cache.delete(cache.keys().next().value as string);
    cache.set(subject, { lookup, until: clock().getTime() + CACHE_MS });
    return lookup;
  };
  const wrappings = new Map(
    [previousMasterKey, masterKey].flatMap((key) => (key ? [[masterKeyId(key), key] as const] : [])),
  );
  const unwrap = (row: Row): KeyLookup => {
    if (row.wrapped === null) return { kind: 'destroyed' };
    const wrapping = wrappings.get(row.master_key_id);
    if (!wrapping) throw new WrongMasterKeyError(row.subject);
    return { kind: 'key', key: { id: row.key_id, secret: open(wrapping, row.wrapped, contextOf(row)) } };
  };

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
    const { rows } = await pool.query<Row>(
      'SELECT subject, key_id, wrapped, master_key_id FROM keys.subject_keys WHERE subject = ANY($1)',
      [unknown],
    );
    for (const subject of unknown) found.set(subject, { kind: 'missing' });
    for (const row of rows) found.set(row.subject, remember(row.subject, unwrap(row)));
    return found;
  };

  const make = async (subject: string): Promise<void> => {
    const id = newId();
    const wrapped = seal(masterKey, randomBytes(32), contextOf({ subject, key_id: id }));
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

/** Which of these subjects have a tombstone, as the database says now (no cache). */
export const destroyedAmong = async (db: Queryable, subjects: readonly string[]): Promise<readonly string[]> => {
  if (subjects.length === 0) return [];
  const { rows } = await db.query<{ subject: string }>(
    'SELECT subject FROM keys.subject_keys WHERE subject = ANY($1) AND destroyed_at IS NOT NULL',
    [subjects],
  );
  return rows.map(({ subject }) => subject);
};

const REWRAPPED_AT_ONCE = 500;

/** How many keys are not wrapped under a master key yet. @param id see {@link masterKeyId} */
export const countKeysNotUnder = async (db: Queryable, id: string): Promise<number> => {
  const { rows } = await db.query<{ count: string }>(
    'SELECT count(*) FROM keys.subject_keys WHERE wrapped IS NOT NULL AND master_key_id <> $1',
    [id],
  );
  return Number(rows[0]?.count ?? 0);
};

/**
 * Rewraps every key from one master key to another, in batches; events stay as they are. May be stopped and begun
 * again, and done by several processes at once: a row says under which master key it is.
 * @returns how many were rewrapped
 */
export const rewrapSubjectKeys = async (db: Queryable, from: Buffer, to: Buffer): Promise<number> => {
  for (let rewrapped = 0; ;) {
    const { rows } = await db.query<Row>(
      'SELECT subject, key_id, wrapped, master_key_id FROM keys.subject_keys WHERE master_key_id = $1 AND wrapped IS NOT NULL LIMIT $2',
      [masterKeyId(from), REWRAPPED_AT_ONCE],
    );
    if (rows.length === 0) return rewrapped;
    const fresh = rows.map((row) => seal(to, open(from, row.wrapped as Buffer, contextOf(row)), contextOf(row)));
    // A key that was destroyed meanwhile stays destroyed.
    await db.query(
      `UPDATE keys.subject_keys AS k SET wrapped = t.wrapped, master_key_id = $3
       FROM unnest($1::text[], $2::bytea[]) AS t (subject, wrapped)
       WHERE k.subject = t.subject AND k.master_key_id = $4 AND k.wrapped IS NOT NULL`,
      [rows.map(({ subject }) => subject), fresh, masterKeyId(to), masterKeyId(from)],
    );
    rewrapped += rows.length;
  }
};
