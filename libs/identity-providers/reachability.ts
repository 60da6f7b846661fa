import type { Clock } from '#libs/platform/clock.js';
import { exchange, HttpExchangeError } from '#libs/platform/guarded-http.js';
import type { HttpPolicy } from '#libs/platform/guarded-http.js';
import type { IdentityProviderSettings } from './settings.js';
import type { UpstreamProtocol } from './upstream-protocol.js';

const TIMEOUT_MS = 3_000;
/** How long an answer holds. Of one that is down the next person should not hear for long. */
const UP_MS = 5_000;
const DOWN_MS = 3_000;

/**
 * Whether providers answer at all. A browser that is sent to one that does not shows an error page of its own, and the
 * person is told nothing and offered nothing (C7); so it is asked first. One question at a time, and its answer holds
 * for a while.
 */
export class Reachability {
  readonly #known = new Map<string, { readonly up: Promise<boolean>; until: number }>();

  constructor(
    private readonly policy: HttpPolicy,
    private readonly clock: Clock,
  ) {}

  async isUp(settings: IdentityProviderSettings): Promise<boolean> {
    const address = addressOf(settings);
    if (address === undefined) return true;
    const known = this.#known.get(address);
    if (known && known.until > this.clock().getTime()) return known.up;
    const asked = { up: this.#ask(address), until: Infinity };
    this.#known.set(address, asked);
    const up = await asked.up;
    asked.until = this.clock().getTime() + (up ? UP_MS : DOWN_MS);
    return up;
  }

  async #ask(address: string): Promise<boolean> {
    try {
      return (await exchange(address, { ...this.policy, timeoutMs: TIMEOUT_MS })).status < 500;
    } catch (error) {
      if (error instanceof HttpExchangeError) return false;
      throw error;
    }
  }
}

/**
 * What to ask of a provider. Nothing of a SAML provider: it speaks with us through the browser only, and may be where
 * only browsers get to.
 */
const addressOf = (settings: IdentityProviderSettings): string | undefined => {
  switch (settings.kind) {
    case 'oidc':
      return `${settings.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
    case 'oauth2':
      return settings.authorizationEndpoint;
    case 'saml':
      return undefined;
  }
};

/** Begins no flow at a provider that does not answer. */
export const whereReachable = <Intent>(
  protocol: UpstreamProtocol<IdentityProviderSettings, Intent>,
  reachability: Pick<Reachability, 'isUp'>,
): UpstreamProtocol<IdentityProviderSettings, Intent> => ({
  ...protocol,
  begin: async (request) =>
    (await reachability.isUp(request.settings))
      ? protocol.begin(request)
      : { kind: 'refused', code: 'provider_unreachable', step: 'discovery', detail: 'the provider does not answer' },
});
