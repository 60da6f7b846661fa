import { purgeMailTokens } from '#libs/users/mail-tokens.postgres.js';
import { purgePendingAddresses } from '#libs/users/pending-addresses.postgres.js';
import { purgeSessions } from '#libs/openid-provider/sessions.postgres.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { purgeNotices } from '#libs/process-managers/due-notices.postgres.js';
import { purgeSessionsAtProviders } from '#libs/sign-in/sessions-at-providers.postgres.js';
import { purgeReauthentications } from '#libs/sign-in/reauthentications.postgres.js';

/** Removes everything that the schema `provider` keeps of a user: after an erasure. Idempotent. */
export const purgeUser = async (pool: Pool, userId: string): Promise<void> => {
  await purgeSessions(pool, userId);
  await purgeReauthentications(pool, userId);
  await purgeSessionsAtProviders(pool, userId);
  await purgeMailTokens(pool, userId);
  await purgePendingAddresses(pool, userId);
  await purgeNotices(pool, userId);
};
