import { createRemoteJWKSet, customFetch } from 'jose';
import type { JWTVerifyGetKey } from 'jose';
import { z } from 'zod';
import type { Clock } from '#libs/platform/clock.js';
import { exchange, HttpExchangeError, jsonObject, UnusableProviderError } from '#libs/platform/guarded-http.js';
import type { HttpPolicy } from '#libs/platform/guarded-http.js';

/** A browser is sent to some of them: nothing but web addresses. */
const address = z.url({ protocol: /^https?$/ });

/** What Ligature needs of a provider's metadata (OpenID Connect Discovery 1.0, section 3). */
const metadataSchema = z.object({
  issuer: z.string(),
  authorization_endpoint: address,
  token_endpoint: address,
  jwks_uri: address,
  userinfo_endpoint: address.optional(),
  acr_values_supported: z.array(z.string()).default([]),
  token_endpoint_auth_methods_supported: z.array(z.string()).default(['client_secret_basic']),
  authorization_response_iss_parameter_supported: z.boolean().default(false),
});
export type ProviderMetadata = z.output<typeof metadataSchema>;

export interface DiscoveredProvider {
  readonly metadata: ProviderMetadata;
  /**
   * The provider's current keys; an unknown `kid` is looked for once more, at most every 30 seconds (security row O8).
   */
  readonly keys: JWTVerifyGetKey;
}

const MAX_AGE_MS = 600_000;
const JWKS_COOLDOWN_MS = 30_000;

/** Looks providers up by their issuer and remembers them for a while. */
export class Discovery {
  readonly #known = new Map<string, { readonly provider: DiscoveredProvider; readonly until: number }>();

  readonly #asking = new Map<string, Promise<ProviderMetadata>>();

  constructor(
    private readonly policy: HttpPolicy,
    private readonly clock: Clock,
  ) {}

  /** @throws {HttpExchangeError} when the provider cannot be reached or what it says is not a provider's metadata */
  async find(issuer: string): Promise<DiscoveredProvider> {
    const known = this.#known.get(issuer);
    const now = this.clock().getTime();
    if (known && known.until > now) return known.provider;
    // Whoever asks at the same time waits for one answer: a provider that hangs holds one connection, not one for each
    // sign-in.
    const asking = this.#asking.get(issuer) ?? this.#fetchMetadata(issuer).finally(() => this.#asking.delete(issuer));
    this.#asking.set(issuer, asking);
    const metadata = await asking;
    // A remembered key set knows its keys already; it is kept as long as its address stays the same.
    const keys =
      known?.provider.metadata.jwks_uri === metadata.jwks_uri ? known.provider.keys : this.#keySet(metadata.jwks_uri);
    const provider = { metadata, keys };
    this.#known.set(issuer, { provider, until: now + MAX_AGE_MS });
    return provider;
  }

  async #fetchMetadata(issuer: string): Promise<ProviderMetadata> {
    const target = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
    const answer = await exchange(target, this.policy);
    if (answer.status !== 200) throw new HttpExchangeError(`${target}: status ${answer.status}`);
    const parsed = metadataSchema.safeParse(jsonObject(target, answer));
    if (!parsed.success)
      throw new UnusableProviderError(
        `${target}: ${parsed.error.issues.map(({ path }) => path.join('.')).join(', ')} cannot be used`,
      );
    // OpenID Connect Discovery 1.0, section 4.3: identical to the issuer that was asked.
    if (parsed.data.issuer !== issuer)
      throw new UnusableProviderError(
        `${target}: it says that its issuer is ${JSON.stringify(parsed.data.issuer).slice(0, 200)}`,
      );
    return parsed.data;
  }

  #keySet(jwksUri: string): JWTVerifyGetKey {
    return createRemoteJWKSet(new URL(jwksUri), {
      cooldownDuration: JWKS_COOLDOWN_MS,
      cacheMaxAge: MAX_AGE_MS,
      [customFetch]: async (url) => {
        const { status, body } = await exchange(url, this.policy);
        return new Response(body, { status, headers: { 'content-type': 'application/json' } });
      },
    });
  }
}
