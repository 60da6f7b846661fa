import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '#libs/platform/clock.js';
import type { Migration } from '#libs/platform/postgres/migrations.js';
import type { Queryable } from '#libs/platform/postgres/pool.js';
import { RowBound } from '#libs/platform/postgres/row-bound.js';
import type { Bound } from '#libs/platform/postgres/row-bound.js';
import { requestAddress } from '#libs/platform/request-address.js';
import { open, seal } from '#libs/privacy/sealed.js';

export const postedResponseMigrations: readonly Migration[] = [
  {
    name: 'identity-providers/posted-responses',
    sql: `
      CREATE TABLE provider.posted_responses (
        handle_hash bytea PRIMARY KEY,
        sealed bytea NOT NULL,
        expires_at timestamptz NOT NULL
      );
      CREATE INDEX posted_responses_expiry ON provider.posted_responses (expires_at)`,
  },
  {
    name: 'identity-providers/posted-responses-address',
    sql: 'ALTER TABLE provider.posted_responses ADD COLUMN address text',
  },
];

type ResponseParameters = Readonly<Record<string, string>>;

const LIFETIME_MS = 60_000;
/** Each waits for the redirect that follows it, and has a third of a megabyte at most (security row D2). */
const MOST_RESPONSES: Bound = { perAddress: 500, total: 4_000 };
const HANDLE = /^[A-Za-z0-9_-]{43}$/;
const hash = (handle: string): Buffer => createHash('sha256').update(handle).digest();

/**
 * Responses that a provider has the browser post to us, until our own request that follows takes them: once, within a
 * minute.
 * @param masterKey seals the responses while they wait: codes and assertions are in them
 */
export const postgresPostedResponses = (
  db: Queryable,
  masterKey: Buffer,
  clock: Clock,
  bound = new RowBound(db, 'provider.posted_responses', MOST_RESPONSES),
) => ({
  keep: async (providerId: string, parameters: ResponseParameters): Promise<string> => {
    const handle = randomBytes(32).toString('base64url');
    const sealed = seal(masterKey, Buffer.from(JSON.stringify(parameters)), ['posted-response', providerId, handle]);
    await db.query(
      'INSERT INTO provider.posted_responses (handle_hash, sealed, expires_at, address) VALUES ($1, $2, $3, $4)',
      [hash(handle), sealed, new Date(clock().getTime() + LIFETIME_MS), requestAddress() ?? null],
    );
    await bound.added();
    return handle;
  },
  take: async (providerId: string, handle: unknown): Promise<ResponseParameters | undefined> => {
    if (typeof handle !== 'string' || !HANDLE.test(handle)) return undefined;
    const { rows } = await db.query<{ sealed: Buffer }>(
      'DELETE FROM provider.posted_responses WHERE handle_hash = $1 AND expires_at > $2 RETURNING sealed',
      [hash(handle), clock()],
    );
    const [row] = rows;
    if (!row) return undefined;
    try {
      return JSON.parse(
        open(masterKey, row.sealed, ['posted-response', providerId, handle]).toString('utf8'),
      ) as ResponseParameters;
    } catch {
      // Of another provider, or sealed under a master key that was rotated away since.
      return undefined;
    }
  },
  removeExpired: async (): Promise<void> => {
    await db.query('DELETE FROM provider.posted_responses WHERE expires_at < $1', [clock()]);
  },
});
