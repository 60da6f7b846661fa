import type { Clock } from '#libs/platform/clock.js';
import type { IdentityProviderSettings } from './settings.js';
import type { UpstreamProtocol } from './upstream-protocol.js';

const FAILURES_IN_A_ROW = 3;
const PAUSE_MS = 30_000;

interface Outage {
  readonly failures: number;
  /** Until then nobody asks; then one does. */
  readonly pausedUntil: number;
}

/**
 * Which providers answer, as this process has met them: a circuit breaker for each
 * (docs/decisions/0101-provider-health.md). After three failures in a row a provider is not asked for 30 seconds; then
 * one sign-in is let through to see.
 */
export class ProviderHealth {
  readonly #outages = new Map<string, Outage>();

  constructor(private readonly clock: Clock) {}

  /** For pages: people choose another way rather than wait for this one. */
  isUnreachable(providerId: string): boolean {
    return (this.#outages.get(providerId)?.failures ?? 0) >= FAILURES_IN_A_ROW;
  }

  /** Whether a sign-in may try it now. Of those that come after a pause the first one may. */
  admits(providerId: string): boolean {
    const outage = this.#outages.get(providerId);
    if (!outage || outage.failures < FAILURES_IN_A_ROW) return true;
    const now = this.clock().getTime();
    if (now < outage.pausedUntil) return false;
    this.#outages.set(providerId, { ...outage, pausedUntil: now + PAUSE_MS });
    return true;
  }

  failed(providerId: string): void {
    const failures = (this.#outages.get(providerId)?.failures ?? 0) + 1;
    this.#outages.set(providerId, { failures, pausedUntil: this.clock().getTime() + PAUSE_MS });
  }

  answered(providerId: string): void {
    this.#outages.delete(providerId);
  }
}

const isOutage = (result: { readonly kind: string; readonly code?: string }): boolean =>
  result.code === 'provider_unreachable';

/**
 * Sign-ins that do not wait for a provider that is known not to answer. Who comes back from it is always served: that
 * person has waited already. Beginning a flow often asks the provider nothing, so that it works is taken for an answer
 * only where the provider was believed to be away.
 */
export const withHealth = <Intent>(
  protocol: UpstreamProtocol<IdentityProviderSettings, Intent>,
  health: ProviderHealth,
): UpstreamProtocol<IdentityProviderSettings, Intent> => ({
  begin: async (request) => {
    const { id } = request.settings;
    if (!health.admits(id))
      return {
        kind: 'refused',
        code: 'provider_unreachable',
        step: 'authorization_request',
        detail: 'not asked: it did not answer lately',
      };
    const begun = await protocol.begin(request);
    if (isOutage(begun)) health.failed(id);
    else if (health.isUnreachable(id)) health.answered(id);
    return begun;
  },
  complete: async (request) => {
    const { id } = request.settings;
    const completed = await protocol.complete(request);
    if (isOutage(completed)) health.failed(id);
    else if (completed.kind !== 'refused') health.answered(id);
    return completed;
  },
});
