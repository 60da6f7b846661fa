import { setTimeout as delay } from 'node:timers/promises';
import type { Client, Provider } from 'oidc-provider';
import type { Clock } from '#libs/platform/clock.js';
import type { Logger } from '#libs/platform/logger.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { enqueueLogout, forgetLogout, MOST_ATTEMPTS, takeDueLogouts } from './logout-deliveries.postgres.js';
import type { LogoutDelivery } from './logout-deliveries.postgres.js';

const MOST_AT_ONCE = 50;
const ANSWER_SOON_MS = 300;

type TellClient = (this: Client, userId: string, sid: string) => Promise<void>;

/**
 * Back-Channel Logout 1.0 for every way in which a session ends. oidc-provider tells apps only while a person signs out in a browser, who waits
 * meanwhile, and once; we keep who is to be told with the session's end, and tell them in the background until they have understood. Its own
 * call is replaced by a line in that list: its client class offers no other place.
 */
export class BackchannelLogout {
  readonly #tell: TellClient;
  readonly #underWay = new Set<Promise<void>>();

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

  /** Tells everybody whose turn it is. Waits for those who answer soon: an app that hangs keeps no other from being told. */
  async deliverDue(): Promise<void> {
    const { pool, clock } = this.dependencies;
    const due = await takeDueLogouts(pool, clock(), MOST_AT_ONCE - this.#underWay.size);
    const begun = due.map((delivery) => {
      const done: Promise<void> = this.#deliver(delivery).finally(() => this.#underWay.delete(done));
      this.#underWay.add(done);
      return done;
    });
    await Promise.race([Promise.all(begun), delay(ANSWER_SOON_MS, undefined, { ref: false })]);
  }

  /** Waits for whoever is being told. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  async #deliver(delivery: LogoutDelivery): Promise<void> {
    const { pool, logger } = this.dependencies;
    const { clientId, sid, userId, attempts } = delivery;
    try {
      const client = await this.provider.Client.find(clientId);
      if (client?.backchannelLogoutUri) await this.#tell.call(client, userId, sid);
    } catch (error) {
      const givesUp = attempts >= MOST_ATTEMPTS;
      logger.warn({ clientId, attempts, givesUp, error: (error as Error).message }, 'an app could not be told of a logout');
      if (!givesUp) return;
    }
    await forgetLogout(pool, delivery);
  }
}
