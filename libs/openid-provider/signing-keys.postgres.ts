import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';
import type { JWK } from 'jose';
import { inTransaction } from '#libs/platform/postgres/pool.js';
import type { Connection, Pool, Queryable } from '#libs/platform/postgres/pool.js';
import { open, seal } from '#libs/privacy/sealed.js';
import { LEAD_MS } from './signing-key-schedule.js';
import type { ScheduledKey } from './signing-key-schedule.js';

/** RS256 first: every relying party must support it (OIDC Core 15.1). */
const ALGORITHMS = ['RS256', 'ES256'] as const;

/** A key that signs tokens, private parts included. */
export interface SigningKey extends ScheduledKey {
  readonly jwk: JWK;
}

interface Row {
  readonly kid: string;
  readonly alg: string;
  readonly sealed: Buffer;
  readonly signs_from: Date;
}

const contextOf = (kid: string): string[] => ['signing-key', kid];

const tryOpen = (key: Buffer, sealed: Buffer, kid: string): Buffer | undefined => {
  try {
    return open(key, sealed, contextOf(kid));
  } catch {
    return undefined;
  }
};

const locked = <T>(pool: Pool, work: (db: Connection) => Promise<T>): Promise<T> =>
  inTransaction(pool, async (db) => {
    await db.query(`SELECT pg_advisory_xact_lock(hashtext('ligature signing keys'))`);
    return work(db);
  });

const make = async (db: Queryable, masterKey: Buffer, signsFrom: Date): Promise<void> => {
  for (const alg of ALGORITHMS) {
    const { privateKey } = await generateKeyPair(alg, { extractable: true, modulusLength: 2048 });
    const jwk: JWK = { ...(await exportJWK(privateKey)), alg, use: 'sig' };
    const kid = await calculateJwkThumbprint(jwk);
    const sealed = seal(masterKey, Buffer.from(JSON.stringify({ ...jwk, kid })), contextOf(kid));
    await db.query('INSERT INTO provider.signing_keys (kid, alg, sealed, signs_from) VALUES ($1, $2, $3, $4)', [
      kid,
      alg,
      sealed,
      signsFrom,
    ]);
  }
};

/**
 * The keys that sign tokens: made at the first start, encrypted at rest under the master key, shared by all instances.
 * @param now from when the first keys sign
 * @param previousMasterKey what it sealed is sealed anew under the current one
 */
export const loadSigningKeys = (
  pool: Pool,
  masterKey: Buffer,
  now: Date,
  previousMasterKey?: Buffer,
): Promise<readonly SigningKey[]> =>
  locked(pool, async (db) => {
    const select = () =>
      db.query<Row>('SELECT kid, alg, sealed, signs_from FROM provider.signing_keys ORDER BY signs_from, alg DESC');
    let { rows } = await select();
    if (rows.length === 0) {
      await make(db, masterKey, now);
      ({ rows } = await select());
    }
    const keys: SigningKey[] = [];
    for (const { kid, alg, sealed, signs_from: signsFrom } of rows) {
      const current = tryOpen(masterKey, sealed, kid);
      const opened = current ?? open(previousMasterKey ?? masterKey, sealed, contextOf(kid));
      if (!current)
        await db.query('UPDATE provider.signing_keys SET sealed = $2 WHERE kid = $1', [
          kid,
          seal(masterKey, opened, contextOf(kid)),
        ]);
      keys.push({ kid, alg, signsFrom, jwk: JSON.parse(opened.toString('utf8')) as JWK });
    }
    return keys;
  });

/**
 * Makes the next keys, when somebody asked for a rotation (`ligature keys rotate --signing`). They sign after {@link
 * LEAD_MS}.
 */
export const rotateWhenAsked = async (pool: Pool, masterKey: Buffer, now: Date): Promise<void> => {
  const { rowCount } = await pool.query('SELECT 1 FROM provider.signing_key_rotations WHERE done_at IS NULL');
  if (!rowCount) return;
  await locked(pool, async (db) => {
    const signsFrom = new Date(now.getTime() + LEAD_MS);
    const { rowCount: asked } = await db.query(
      'UPDATE provider.signing_key_rotations SET done_at = now(), signs_from = $1 WHERE done_at IS NULL',
      [signsFrom],
    );
    if (asked) await make(db, masterKey, signsFrom);
  });
};

export const forgetSigningKeys = async (pool: Pool, kids: readonly string[]): Promise<void> => {
  if (kids.length > 0) await pool.query('DELETE FROM provider.signing_keys WHERE kid = ANY($1)', [kids]);
};

/** Asks for a rotation; the OpenID Provider does it. @returns the request's number */
export const requestRotation = async (db: Queryable): Promise<string> => {
  const { rows } = await db.query<{ id: string }>(
    'INSERT INTO provider.signing_key_rotations DEFAULT VALUES RETURNING id',
  );
  return rows[0]?.id ?? '';
};

/** @returns when the keys of a rotation begin to sign; nothing until they are made */
export const rotationDone = async (db: Queryable, id: string): Promise<Date | undefined> => {
  const { rows } = await db.query<{ signs_from: Date | null }>(
    'SELECT signs_from FROM provider.signing_key_rotations WHERE id = $1',
    [id],
  );
  return rows[0]?.signs_from ?? undefined;
};
