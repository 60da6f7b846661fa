import { Gauge } from 'prom-client';
import type { Registry } from 'prom-client';
import { purgeMailTokens } from '#libs/accounts/mail-tokens.postgres.js';
import { finishErasure } from '#libs/accounts/commands/erase-user.js';
import type { EventCore } from '#libs/event-store/connect-event-store.js';
import { purgeUser } from '#libs/installation/purge-user.js';
import type { Mailer } from '#libs/mail/mailer.js';
import { SessionRows } from '#libs/openid-provider/sessions.postgres.js';
import { loadOrganization } from '#libs/organizations/queries/load-organization.js';
import type { Clock } from '#libs/platform/clock.js';
import type { NewId } from '#libs/platform/ids.js';
import type { Logger } from '#libs/platform/logger.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import type { DestructibleSubjectKeys } from '#libs/privacy/subject-keys.js';
import { AccountProcessManager } from '#libs/process-managers/account-process-manager.js';
import { noteNoticeSent, wasNoticeSent } from '#libs/process-managers/checkpoints.postgres.js';
import { noticeOf } from '#libs/process-managers/notices.js';
import { parkedOf } from '#libs/process-managers/parked-streams.postgres.js';
import { carryOutRevocations } from '#libs/sign-in/revocations.js';

/** What happened longer ago is told to nobody any more: a process manager that begins anew does not mail the past. */
const NOTICE_AGE_MS = 24 * 3_600_000;

/** Puts the process manager of accounts together, on a database role of its own that may end sessions and destroy keys. */
export const accountProcessManager = (dependencies: {
  readonly core: EventCore;
  readonly pool: Pool;
  readonly keys: DestructibleSubjectKeys;
  readonly mailer: Mailer;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly logger: Logger;
}): AccountProcessManager => {
  const { core, pool, keys, mailer, clock, newId, logger } = dependencies;
  const { store, connection, codec } = core;
  const sessions = new SessionRows(pool, clock);
  const isRecent = (occurredAt: string): boolean => clock().getTime() - Date.parse(occurredAt) < NOTICE_AGE_MS;
  return new AccountProcessManager({
    pool,
    connection,
    codec,
    store,
    clock,
    newId,
    logger,
    reactions: {
      carryOutRevocations: (userId, event, context) => carryOutRevocations({ store, sessions }, userId, [event], context),
      revokeMails: (userId) => purgeMailTokens(pool, userId),
      finishErasure: (userId, context) =>
        finishErasure(
          { store, clock, newId, destroyKey: (subject) => keys.destroy(subject), purge: (subject) => purgeUser(pool, subject) },
          userId,
          context,
        ),
      wantsToNotify: ({ event, metadata }) => noticeOf(event) !== undefined && isRecent(metadata.occurredAt),
      notify: async ({ id, event, metadata }, before, after) => {
        const notice = noticeOf(event);
        if (!notice || !isRecent(metadata.occurredAt)) return;
        // A changed address is told to both: whoever had the old one must learn of it.
        const addresses = new Set([before.verifiedEmail?.address, after.verifiedEmail?.address].filter((address) => address !== undefined));
        const { organizationId } = after;
        if (addresses.size === 0 || organizationId === undefined || (await wasNoticeSent(pool, id))) return;
        const { displayName } = await loadOrganization(store, organizationId);
        for (const to of addresses) {
          const subject = `${displayName ?? organizationId}: ${notice.subject}`;
          const text = `${notice.sentence}\n\nThis happened on ${metadata.occurredAt}. If it was not you, tell your administrator at once.\n`;
          await mailer
            .send({ to, subject, text, organizationId })
            .catch((error: unknown) =>
              logger.error({ error: (error as Error).message, event: event.type }, 'a notice could not be mailed'),
            );
        }
        await noteNoticeSent(pool, id, clock(), new Date(clock().getTime() - 2 * NOTICE_AGE_MS));
      },
    },
  });
};

/** What the process manager has set aside, the same in every instance. */
export const processManagerMetrics = (registry: Registry, pool: Pool): Gauge =>
  new Gauge({
    name: 'ligature_process_manager_parked_streams',
    help: 'Streams that the process manager set aside because an event of theirs cannot be handled',
    registers: [registry],
    async collect() {
      // Not known while the database is away, which hides no other metric.
      this.set(
        await parkedOf(pool).then(
          ({ length }) => length,
          () => NaN,
        ),
      );
    },
  });
