import { RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible';
import { z } from 'zod';
import type { Migration } from '#libs/platform/postgres/migrations.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import type { IndexKeys } from '#libs/privacy/index-key.js';

export const throttleMigrations: readonly Migration[] = [
  {
    name: 'throttling/throttles',
    // The shape that rate-limiter-flexible expects.
    sql: `CREATE TABLE provider.throttles (key varchar(255) PRIMARY KEY, points integer NOT NULL DEFAULT 0, expire bigint)`,
  },
];

/** How often something may happen for one key: `points` in `perS` seconds. */
export const LIMITS = {
  sign_in_per_account: { points: 10, perS: 300 },
  sign_in_per_address: { points: 60, perS: 300 },
  registration_per_address: { points: 20, perS: 3_600 },
  username_probe_per_address: { points: 60, perS: 3_600 },
  mail_per_account: { points: 5, perS: 3_600 },
  mail_per_address: { points: 20, perS: 3_600 },
  oauth_per_client: { points: 60_000, perS: 60 },
  oauth_per_address: { points: 60_000, perS: 60 },
  client_failures_per_address: { points: 20, perS: 60 },
  device_codes_per_address: { points: 20, perS: 600 },
  request_per_address: { points: 60_000, perS: 60 },
  saml_response_per_address: { points: 3_000, perS: 60 },
  saml_logout_per_address: { points: 1_200, perS: 60 },
} as const;
export type Limit = keyof typeof LIMITS;
export type Limits = Readonly<Record<Limit, { readonly points: number; readonly perS: number }>>;

/** `LIGATURE_LIMITS`: `request_per_address=100000/60, …`: others than {@link LIMITS}, as points per seconds. */
export const limitsSchema = z
  .string()
  .default('')
  .transform((text, context) => {
    const limits: Record<string, { readonly points: number; readonly perS: number }> = { ...LIMITS };
    for (const entry of text
      .split(',')
      .map((part) => part.trim())
      .filter(Boolean)) {
      const { name, points, perS } =
        /^(?<name>\w+)=(?<points>[1-9]\d{0,8})\/(?<perS>[1-9]\d{0,6})$/.exec(entry)?.groups ?? {};
      if (name === undefined || !Object.hasOwn(LIMITS, name))
        context.addIssue(
          `"${entry}" is none of ${Object.keys(LIMITS).join(', ')} with points/seconds, such as request_per_address=100000/60`,
        );
      else limits[name] = { points: Number(points), perS: Number(perS) };
    }
    return limits as Limits;
  });

export type ThrottleAnswer =
  { readonly kind: 'allowed' } | { readonly kind: 'throttled'; readonly retryAfterS: number };

/** Limits that all instances share (security.md, "Server"). */
export interface Throttles {
  /**
   * Counts an occurrence.
   * @param key an account's login name, an address, a client: stored as an HMAC only
   * @param times how often it occurred
   */
  hit(limit: Limit, organizationId: string, key: string, times?: number): Promise<ThrottleAnswer>;
  /** Forgets what was counted: after a success. */
  reset(limit: Limit, organizationId: string, key: string): Promise<void>;
}

/** @param limits others than {@link LIMITS}, for tests and installations that need them */
export const postgresThrottles = (pool: Pool, indexKeys: IndexKeys, limits: Limits = LIMITS): Throttles => {
  const limiterOf = (limit: Limit): RateLimiterPostgres =>
    new RateLimiterPostgres({
      storeClient: pool,
      storeType: 'pool',
      schemaName: 'provider',
      tableName: 'throttles',
      tableCreated: true,
      keyPrefix: limit,
      points: limits[limit].points,
      duration: limits[limit].perS,
    });
  const limiters = Object.fromEntries(
    (Object.keys(limits) as Limit[]).map((limit) => [limit, limiterOf(limit)]),
  ) as Record<Limit, RateLimiterPostgres>;
  const keyOf = (limit: Limit, organizationId: string, key: string): string =>
    indexKeys.of(`throttle ${limit}`, organizationId, key);
  return {
    hit: async (limit, organizationId, key, times = 1) => {
      try {
        await limiters[limit].consume(keyOf(limit, organizationId, key), times);
        return { kind: 'allowed' };
      } catch (rejected) {
        if (rejected instanceof RateLimiterRes)
          return { kind: 'throttled', retryAfterS: Math.ceil(rejected.msBeforeNext / 1_000) };
        throw rejected;
      }
    },
    reset: async (limit, organizationId, key) => {
      await limiters[limit].delete(keyOf(limit, organizationId, key));
    },
  };
};
