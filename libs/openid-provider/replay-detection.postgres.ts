import { createHash } from 'node:crypto';
import type { Provider } from 'oidc-provider';
import type { Pool } from '#libs/platform/postgres/pool.js';

/**
 * One-time values (`jti` of DPoP proofs and of client assertions, P5, P9): oidc-provider looks whether it knows one,
 * and then stores it; two at once would both be the first. Here one statement does both, and the same class gives the
 * caller's own error. It offers no other place.
 */
export const atomicReplayDetection = (provider: Provider, pool: Pool): void => {
  provider.ReplayDetection.unique = async (issuer: string, jti: string, expiresAtS: number): Promise<boolean> => {
    const id = createHash('sha256')
      .update(JSON.stringify([issuer, jti]))
      .digest('base64url');
    const { rowCount } = await pool.query(
      `INSERT INTO provider.artifacts (model, id, payload, expires_at) VALUES ('ReplayDetection', $1, '{}', to_timestamp($2)) ON CONFLICT DO NOTHING`,
      [id, expiresAtS],
    );
    return rowCount === 1;
  };
};
