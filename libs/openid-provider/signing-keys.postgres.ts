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

/**
 * The keys that sign tokens: made at the first start, encrypted at rest under the master key, shared by all instances.
 * @returns private JWKs, in the order in which they are preferred
 */
export const loadSigningKeys = (pool: Pool, masterKey: Buffer): Promise<readonly JWK[]> =>
  inTransaction(pool, async (db) => {
    await db.query(`SELECT pg_advisory_xact_lock(hashtext('ligature signing keys'))`);
    const { rows } = await db.query<Row>('SELECT kid, sealed FROM provider.signing_keys ORDER BY created_at, alg DESC');
    if (rows.length > 0) return rows.map(({ kid, sealed }) => JSON.parse(open(masterKey, sealed, contextOf(kid)).toString('utf8')) as JWK);
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
