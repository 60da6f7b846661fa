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
  readonly at: number;
}

/**
 * The certificates by which a provider may sign: those it was declared with, and those of its metadata where that is published. The metadata is
 * fetched again after ten minutes, and at once, at most every 30 seconds, for a signature by an unknown key: a rollover needs no restart.
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
  async tryWith<T>(settings: SamlProviderSettings, verify: (certificates: readonly string[]) => Promise<T>): Promise<T> {
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
    const fetched = known && this.#age(known) < MAX_AGE_MS ? known : await this.#fetch(settings, known);
    return [...signingCertificates, ...(fetched?.certificates ?? [])];
  }

  async #renewed(settings: SamlProviderSettings): Promise<readonly string[] | undefined> {
    const known = this.#fetched.get(keyOf(settings));
    if (settings.metadataUrl === undefined || (known && this.#age(known) < COOLDOWN_MS)) return undefined;
    const fetched = await this.#fetch(settings, known);
    return fetched === known ? undefined : [...settings.signingCertificates, ...(fetched?.certificates ?? [])];
  }

  #age({ at }: Fetched): number {
    return this.clock().getTime() - at;
  }

  /** What was fetched, or what was known before while the metadata cannot be had. */
  async #fetch(settings: SamlProviderSettings, known: Fetched | undefined): Promise<Fetched | undefined> {
    const { metadataUrl = '', entityId, signingCertificates } = settings;
    const now = this.clock();
    try {
      const { signingCertificates: certificates } = await fetchMetadata(metadataUrl, this.policy, now, entityId);
      const fetched = { certificates, at: now.getTime() };
      this.#fetched.set(keyOf(settings), fetched);
      return fetched;
    } catch (error) {
      if (!(error instanceof HttpExchangeError)) throw error;
      if (!known && signingCertificates.length === 0) throw new UpstreamError('provider_unreachable', 'saml_metadata', error.message);
      // Asked again after the cool-down, not at every sign-in.
      const kept = known && { ...known, at: now.getTime() - MAX_AGE_MS + COOLDOWN_MS };
      if (kept) this.#fetched.set(keyOf(settings), kept);
      return known;
    }
  }
}

const keyOf = ({ metadataUrl, entityId }: SamlProviderSettings): string => JSON.stringify([metadataUrl, entityId]);
