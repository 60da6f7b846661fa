import type { Clock } from '#libs/platform/clock.js';
import { refusing } from '../upstream-protocol.js';
import type { UpstreamRefusal } from '../upstream-protocol.js';
import { entityIdOf, singleLogoutServiceOf } from './addresses.js';
import { nowWithin } from './instant.js';
import { readLogoutRequest } from './logout-request.js';
import type { LogoutMessage, LogoutRequest } from './logout-request.js';
import { logoutResponse } from './passport-strategy.js';
import { serviceProviderMetadata } from './service-provider-metadata.js';
import type { SamlProviderSettings } from './settings.js';
import type { SigningCertificates } from './signing-certificates.js';
import { nameAtProvider } from './subject.js';
import { surroundingsOf } from './surroundings.js';

/** One session at a provider that has ended there, or all of a person's. */
interface EndedAtProvider {
  readonly providerId: string;
  readonly issuer: string;
  readonly subject: string;
  readonly session: string | undefined;
  /** Names the message: it is used once, until it expires. */
  readonly messageId: string;
  readonly expiresAt: Date;
}

export interface VerifiedLogoutRequest {
  readonly kind: 'logout';
  readonly ended: readonly EndedAtProvider[];
  /** Where to send the browser with our answer; nothing where the provider takes none by a redirect. */
  readonly answerAt: string | undefined;
}

/**
 * What we are to a SAML provider, beside where people sign in: our metadata, and single logout that begins there
 * (security row S11).
 */
export class SamlServiceProvider {
  constructor(private readonly options: { readonly certificates: SigningCertificates; readonly clock: Clock }) {}

  /** @param assertionConsumerService our address for this provider @returns XML */
  metadata(settings: SamlProviderSettings, assertionConsumerService: string): string {
    return serviceProviderMetadata(settings, assertionConsumerService);
  }

  /** Verifies a LogoutRequest to the end; whether it was used before, and what it ends, the caller knows. */
  readLogout(
    settings: SamlProviderSettings,
    assertionConsumerService: string,
    message: LogoutMessage,
  ): Promise<VerifiedLogoutRequest | UpstreamRefusal> {
    return refusing(async () => {
      const request = await this.#read(settings, assertionConsumerService, message);
      const { entityId, singleLogoutServices } = settings;
      const { id, nameId, sessionIndexes, usableUntil } = request;
      const sessions = sessionIndexes.length === 0 ? [undefined] : sessionIndexes;
      const answerTo = singleLogoutServices.find(({ binding }) => binding === 'redirect')?.url;
      return {
        kind: 'logout',
        ended: sessions.map((session, i) => ({
          providerId: settings.id,
          issuer: entityId,
          subject: nameAtProvider(nameId, entityId, entityIdOf(assertionConsumerService)),
          session,
          messageId: `${id} ${i}`,
          expiresAt: usableUntil,
        })),
        answerAt:
          answerTo === undefined
            ? undefined
            : await this.#answer(settings, assertionConsumerService, request, answerTo),
      };
    });
  }

  async #answer(
    settings: SamlProviderSettings,
    assertionConsumerService: string,
    request: LogoutRequest,
    answerTo: string,
  ): Promise<string> {
    const surroundings = surroundingsOf(
      settings,
      assertionConsumerService,
      await this.options.certificates.of(settings),
    );
    return logoutResponse({ ...surroundings, signingKey: settings.requestSigningKey }, request, answerTo);
  }

  async #read(
    settings: SamlProviderSettings,
    assertionConsumerService: string,
    message: LogoutMessage,
  ): Promise<LogoutRequest> {
    const { certificates, clock } = this.options;
    const expected = {
      issuer: settings.entityId,
      destination: singleLogoutServiceOf(assertionConsumerService),
      now: nowWithin(clock(), settings.clockSkewS),
    };
    return certificates.tryWith(settings, (known) =>
      Promise.resolve(readLogoutRequest(message, { ...expected, certificates: known })),
    );
  }
}
