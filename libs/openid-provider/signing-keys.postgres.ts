import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';
import type { JWK } from 'jose';
import { inTransaction } from '#libs/platform/postgres/pool.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { open, seal } from '#libs/privacy/sealed.js';

/** RS256 first: every relying party must support it (OIDC Core 15.1). */
const ALGORITHMS = ['RS256', 'ES256'] as const;

interface Row {
  readonly kid: string;
  readonly sealed: Buffer;
}

const contextOf = (kid: string): string[] => ['signing-key', kid];

const tryOpen = (key: Buffer, sealed: Buffer, kid: string): Buffer | undefined => {
  try {
    return open(key, sealed, contextOf(kid));
  } catch {
    return undefined;
  }
};

/**
 * The keys that sign tokens: made at the first start, encrypted at rest under the master key, shared by all instances.
 * @param previousMasterKey what it sealed is sealed anew under the current one
 * @returns private JWKs, in the order in which they are preferred
 */
export const loadSigningKeys = (pool: Pool, masterKey: Buffer, previousMasterKey?: Buffer): Promise<readonly JWK[]> =>
  inTransaction(pool, async (db) => {
    await db.query(`SELECT pg_advisory_xact_lock(hashtext('ligature signing keys'))`);
    const { rows } = await db.query<Row>('SELECT kid, sealed FROM provider.signing_keys ORDER BY created_at, alg DESC');
    if (rows.length > 0) {
      const keys: JWK[] = [];
      for (const { kid, sealed } of rows) {
        const current = tryOpen(masterKey, sealed, kid);
        const opened = current ?? open(previousMasterKey ?? masterKey, sealed, contextOf(kid));
        if (!current)
          await db.query('UPDATE provider.signing_keys SET sealed = $2 WHERE kid = $1', [kid, seal(masterKey, opened, contextOf(kid))]);
        keys.push(JSON.parse(opened.toString('utf8')) as JWK);
      }
      return keys;
    }
    const made: JWK[] = [];
    for (const alg of ALGORITHMS) {
      const { privateKey } = await generateKeyPair(alg, { extractable: true, modulusLength: 2048 });
      const jwk: JWK = { ...(await exportJWK(privateKey)), alg, use: 'sig' };
      jwk.kid = await calculateJwkThumbprint(jwk);
      await db.query('INSERT INTO provider.signing_keys (kid, alg, sealed) VALUES ($1, $2, $3)', [
        jwk.kid,
        alg,
        seal(masterKey, Buffer.from(JSON.stringify(jwk)), contextOf(jwk.kid)),
      ]);
      made.push(jwk);
    }
    return made;
  });
