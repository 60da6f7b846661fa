import { errors, Provider } from 'oidc-provider';
import type { KoaContextWithOIDC } from 'oidc-provider';
import type { Clock } from '#libs/platform/clock.js';
import { addressKey } from '#libs/throttling/address-key.js';
import type { AddressLimits } from '#libs/throttling/address-limits.js';
import { BatchedThrottle } from '#libs/throttling/batched-throttle.js';
import { FailureLimit } from '#libs/throttling/failure-limit.js';
import type { ThrottleAnswer, Throttles } from '#libs/throttling/throttles.js';

/** The routes of oidc-provider at which clients authenticate. */
const ROUTES: ReadonlySet<string> = new Set([
  'token',
  'introspection',
  'revocation',
  'pushed_authorization_request',
  'device_authorization',
]);

const tooMany = (retryAfterS: number): Error => {
  Provider.ctx?.set('retry-after', String(retryAfterS));
  return Object.assign(new errors.TemporarilyUnavailable('too many requests'), { status: 429, statusCode: 429 });
};

const assertAllowed = (answer: ThrottleAnswer): void => {
  if (answer.kind === 'throttled') throw tooMany(answer.retryAfterS);
};

/**
 * How often a client and an address may ask (security.md, "Server"). Failed authentications are counted exactly, per
 * client *and* address, so that a stranger with a client's id cannot shut the client out.
 */
export class ClientLimits {
  readonly #perClient: BatchedThrottle;
  readonly #perAddress: BatchedThrottle;
  readonly #failures: FailureLimit;

  constructor(
    throttles: Throttles,
    clock: Clock,
    private readonly addressLimits: Pick<AddressLimits, 'hit'>,
  ) {
    this.#perClient = new BatchedThrottle(throttles, clock, 'oauth_per_client');
    this.#perAddress = new BatchedThrottle(throttles, clock, 'oauth_per_address');
    this.#failures = new FailureLimit(throttles, clock, 'client_failures_per_address');
  }

  /**
   * Called when the request under way names its client, before anything is compared.
   * @throws 429 `temporarily_unavailable`
   */
  async admit(clientId: string): Promise<void> {
    const ctx = Provider.ctx;
    if (!ctx || !ROUTES.has(ctx.oidc.route)) return;
    assertAllowed(this.#failures.ask(`${clientId} ${addressKey(ctx.ip)}`));
    assertAllowed(await this.#perAddress.hit(addressKey(ctx.ip)));
    assertAllowed(await this.#perClient.hit(clientId));
  }

  /** Counts requests, and failed authentications. */
  middleware = async (ctx: KoaContextWithOIDC, next: () => Promise<void>): Promise<void> => {
    const answer = await this.addressLimits.hit(ctx.path);
    if (answer.kind === 'throttled') {
      ctx.set('retry-after', String(answer.retryAfterS));
      ctx.status = 429;
      ctx.body = { error: 'temporarily_unavailable', error_description: 'too many requests' };
      return;
    }
    await next();
    const clientId = ctx.oidc?.client?.clientId;
    if (ctx.status === 401 && clientId !== undefined && ROUTES.has(ctx.oidc.route))
      await this.#failures.noteFailure(`${clientId} ${addressKey(ctx.ip)}`);
  };
}
