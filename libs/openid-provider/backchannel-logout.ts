import { setTimeout as delay } from 'node:timers/promises';
import { errors } from 'oidc-provider';
import type { Client, Provider } from 'oidc-provider';
import type { Clock } from '#libs/platform/clock.js';
import type { Logger } from '#libs/platform/logger.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import {
  enqueueLogout,
  forgetLogout,
  giveBackAttempt,
  MOST_ATTEMPTS,
  takeDueLogouts,
} from './logout-deliveries.postgres.js';
import type { LogoutDelivery } from './logout-deliveries.postgres.js';

const MOST_AT_ONCE = 50;
/** An app that owes so many answers is told nothing more until it has given some. */
const MOST_UNANSWERED = 10;
/** However many apps hang. */
const MOST_UNDER_WAY = 500;
const ANSWER_SOON_MS = 300;

type TellClient = (this: Client, userId: string, sid: string) => Promise<void>;

/**
 * Back-Channel Logout 1.0 for every way in which a session ends. oidc-provider tells apps only while a person signs out
 * in a browser, who waits meanwhile, and once; we keep who is to be told with the session's end, and tell them in the
 * background until they have understood. Its own call is replaced by a line in that list: its client class offers no
 * other place.
 */
export class BackchannelLogout {
  readonly #tell: TellClient;
  /** Who is being told, by the client. */
  readonly #underWay = new Map<Promise<void>, string>();

  constructor(
    private readonly provider: Provider,
    private readonly dependencies: { readonly pool: Pool; readonly clock: Clock; readonly logger: Logger },
  ) {
    const prototype = provider.Client.prototype as unknown as { backchannelLogout: TellClient };
    this.#tell = prototype.backchannelLogout;
    const { pool, clock } = dependencies;
    prototype.backchannelLogout = async function (userId, sid) {
      await enqueueLogout(pool, { clientId: this.clientId, sid, userId }, clock());
    };
  }

  /**
   * Tells everybody whose turn it is. Waits for those who answer soon: an app that hangs keeps no other from being
   * told.
   */
  async deliverDue(): Promise<void> {
    const { pool, clock } = this.dependencies;
    const most = Math.min(MOST_AT_ONCE, MOST_UNDER_WAY - this.#underWay.size);
    const due = await takeDueLogouts(pool, clock(), most, this.#hanging());
    const begun = due.map((delivery) => {
      const done: Promise<void> = this.#deliver(delivery).finally(() => this.#underWay.delete(done));
      this.#underWay.set(done, delivery.clientId);
      return done;
    });
    await Promise.race([Promise.all(begun), delay(ANSWER_SOON_MS, undefined, { ref: false })]);
  }

  /** Waits for whoever is being told. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#underWay.keys());
  }

  #hanging(): readonly string[] {
    const unanswered = new Map<string, number>();
    for (const clientId of this.#underWay.values()) unanswered.set(clientId, (unanswered.get(clientId) ?? 0) + 1);
    return [...unanswered].filter(([, count]) => count >= MOST_UNANSWERED).map(([clientId]) => clientId);
  }

  async #deliver(delivery: LogoutDelivery): Promise<void> {
    const { pool, logger } = this.dependencies;
    const { clientId, sid, userId, attempts } = delivery;
    try {
      const client = await this.provider.Client.find(clientId);
      if (client?.backchannelLogoutUri) await this.#tell.call(client, userId, sid);
    } catch (error) {
      // It is us who cannot ask who the app is.
      if (error instanceof errors.TemporarilyUnavailable) return giveBackAttempt(pool, delivery);
      const givesUp = attempts >= MOST_ATTEMPTS;
      logger.warn(
        { clientId, attempts, givesUp, error: (error as Error).message },
        'an app could not be told of a logout',
      );
      if (!givesUp) return;
    }
    await forgetLogout(pool, delivery);
  }
}
