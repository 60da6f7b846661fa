import type { Clock } from '#libs/platform/clock.js';
import { HttpExchangeError } from '#libs/platform/guarded-http.js';
import type { HttpPolicy } from '#libs/platform/guarded-http.js';
import { UpstreamError } from '../upstream-error.js';
import { fetchMetadata } from './fetch-metadata.js';
import type { SamlProviderSettings } from './settings.js';

const MAX_AGE_MS = 600_000;
const COOLDOWN_MS = 30_000;

interface Fetched {
  readonly certificates: readonly string[];
  /** When the provider was asked, whether or not it answered. */
  readonly askedAt: number;
  readonly freshUntil: number;
}

/**
 * The certificates by which a provider may sign: those it was declared with, and those of its metadata where that is
 * published. The metadata is fetched again after ten minutes, and at once, at most every 30 seconds, for a signature by
 * an unknown key: a rollover needs no restart.
 */
export class SigningCertificates {
  readonly #fetched = new Map<string, Fetched>();

  constructor(
    private readonly policy: HttpPolicy,
    private readonly clock: Clock,
  ) {}

  /**
   * Verifies with the certificates that are known, and once more where the provider has published others since.
   * @param verify throws an {@link UpstreamError} `signature_invalid` where none of the certificates fits
   */
  async tryWith<T>(
    settings: SamlProviderSettings,
    verify: (certificates: readonly string[]) => Promise<T>,
  ): Promise<T> {
    try {
      return await verify(await this.of(settings));
    } catch (error) {
      const unknownKey = error instanceof UpstreamError && error.code === 'signature_invalid';
      const renewed = unknownKey ? await this.#renewed(settings) : undefined;
      if (!renewed) throw error;
      return verify(renewed);
    }
  }

  /** @throws {UpstreamError} when there is not one, and the metadata cannot be fetched */
  async of(settings: SamlProviderSettings): Promise<readonly string[]> {
    const { metadataUrl, signingCertificates } = settings;
    if (metadataUrl === undefined) return signingCertificates;
    const known = this.#fetched.get(keyOf(settings));
    const fresh = known && this.clock().getTime() < known.freshUntil;
    const { certificates } = fresh ? known : await this.#fetch(settings, known);
    return [...signingCertificates, ...certificates];
  }

  async #renewed(settings: SamlProviderSettings): Promise<readonly string[] | undefined> {
    const known = this.#fetched.get(keyOf(settings));
    if (settings.metadataUrl === undefined || (known && this.clock().getTime() < known.askedAt + COOLDOWN_MS))
      return undefined;
    const { certificates } = await this.#fetch(settings, known);
    return [...settings.signingCertificates, ...certificates];
  }

  /** What the provider publishes now; while it cannot be had, what was known before, for as long as the cool-down. */
  async #fetch(settings: SamlProviderSettings, known: Fetched | undefined): Promise<Fetched> {
    const { metadataUrl = '', entityId, signingCertificates } = settings;
    const now = this.clock();
    const askedAt = now.getTime();
    let fetched: Fetched;
    try {
      const { signingCertificates: certificates } = await fetchMetadata(metadataUrl, this.policy, now, entityId);
      fetched = { certificates, askedAt, freshUntil: askedAt + MAX_AGE_MS };
    } catch (error) {
      if (!(error instanceof HttpExchangeError)) throw error;
      if (!known && signingCertificates.length === 0)
        throw new UpstreamError('provider_unreachable', 'saml_metadata', error.message);
      fetched = { certificates: known?.certificates ?? [], askedAt, freshUntil: askedAt + COOLDOWN_MS };
    }
    this.#fetched.set(keyOf(settings), fetched);
    return fetched;
  }
}

const keyOf = ({ metadataUrl, entityId }: SamlProviderSettings): string => JSON.stringify([metadataUrl, entityId]);
