import { Gauge } from 'prom-client';
import type { Registry } from 'prom-client';
import { purgeMailTokens } from '#libs/users/mail-tokens.postgres.js';
import { finishErasure } from '#libs/users/commands/erase-user.js';
import { idOf } from '#libs/event-store/stream-name.js';
import type { EventCore } from '#libs/event-store/connect-event-store.js';
import { purgeUser } from '#libs/installation/purge-user.js';
import { SessionRows } from '#libs/openid-provider/sessions.postgres.js';
import type { Clock } from '#libs/platform/clock.js';
import type { NewId } from '#libs/platform/ids.js';
import type { Logger } from '#libs/platform/logger.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import type { DestructibleSubjectKeys } from '#libs/privacy/subject-keys.js';
import { AccountProcessManager } from '#libs/process-managers/account-process-manager.js';
import type { AccountReactions } from '#libs/process-managers/account-process-manager.js';
import { noteNotices } from '#libs/process-managers/due-notices.postgres.js';
import { isRecent, noticeId, noticeOf, receiversOf } from '#libs/process-managers/notices.js';
import { waitingCauses } from '#libs/process-managers/parked-streams.postgres.js';
import { carryOutRevocations } from '#libs/sign-in/revocations.js';

/**
 * Puts the process manager of accounts together, on a database role of its own that may end sessions and destroy keys.
 */
export const accountProcessManager = (dependencies: {
  readonly core: EventCore;
  readonly pool: Pool;
  readonly keys: DestructibleSubjectKeys;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly logger: Logger;
  readonly build: string;
}): AccountProcessManager => {
  const { core, pool, keys, clock, newId, logger, build } = dependencies;
  const { store, connection, codec } = core;
  const sessions = new SessionRows(pool, clock);
  const wantsToNotify: AccountReactions['wantsToNotify'] = ({ event, metadata }) =>
    noticeOf(event) !== undefined && isRecent(metadata.occurredAt, clock());
  return new AccountProcessManager({
    pool,
    connection,
    codec,
    store,
    clock,
    newId,
    logger,
    build,
    reactions: {
      carryOutRevocations: (userId, event, context) =>
        carryOutRevocations({ store, sessions }, userId, [event], context),
      revokeMails: (userId) => purgeMailTokens(pool, userId),
      finishErasure: (userId, context) =>
        finishErasure(
          {
            store,
            clock,
            newId,
            destroyKey: (subject) => keys.destroy(subject),
            purge: (subject) => purgeUser(pool, subject),
          },
          userId,
          context,
        ),
      wantsToNotify,
      notify: async (recorded, before, after) => {
        if (!wantsToNotify(recorded)) return;
        const { id, stream, revision } = recorded;
        const notices = receiversOf(before, after).map((receiver) => ({
          id: noticeId(id, receiver),
          userId: idOf(stream),
          stream,
          revision,
          receiver,
        }));
        await noteNotices(pool, notices, clock());
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
        await waitingCauses(pool).then(
          (causes) => causes.reduce((sum, { streams }) => sum + streams, 0),
          () => NaN,
        ),
      );
    },
  });
