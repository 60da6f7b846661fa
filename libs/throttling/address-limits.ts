import type { Clock } from '#libs/platform/clock.js';
import { requestAddress } from '#libs/platform/request-address.js';
import { BatchedThrottle } from './batched-throttle.js';
import type { Limit, ThrottleAnswer, Throttles } from './throttles.js';

/** How often one network may ask for what, whoever it is (security row D1). The first row that matches counts. */
export const ADDRESS_LIMITS = [
  // XML is parsed, and a signature looked at.
  { path: /^\/providers\/[^/]+\/slo$/, limit: 'saml_logout_per_address' },
  { path: /^\/providers\/[^/]+\/acs$/, limit: 'saml_response_per_address' },
  { path: /^\//, limit: 'request_per_address' },
] as const satisfies readonly { readonly path: RegExp; readonly limit: Limit }[];

/** @param path without a query */
export const addressLimitOf = (path: string): (typeof ADDRESS_LIMITS)[number]['limit'] =>
  ADDRESS_LIMITS.find((row) => row.path.test(path))?.limit ?? 'request_per_address';

/** Counts the requests of each network. */
export class AddressLimits {
  readonly #throttles: Readonly<Record<(typeof ADDRESS_LIMITS)[number]['limit'], BatchedThrottle>>;

  constructor(throttles: Throttles, clock: Clock) {
    const of = (limit: Limit): BatchedThrottle => new BatchedThrottle(throttles, clock, limit);
    this.#throttles = {
      saml_logout_per_address: of('saml_logout_per_address'),
      saml_response_per_address: of('saml_response_per_address'),
      request_per_address: of('request_per_address'),
    };
  }

  /** Counts the request under way. @param path without a query */
  hit(path: string): Promise<ThrottleAnswer> {
    return this.#throttles[addressLimitOf(path)].hit(requestAddress() ?? 'unknown');
  }
}
