import type { CommandContext } from '#libs/event-store/event-metadata.js';
import type { Branding } from '#libs/web/branding.js';
import type { Consent } from '../consents.postgres.js';
import type { OpenIdProvider } from '../open-id-provider.js';

/** What the consent page needs from outside. Injected under this token. */
export const CONSENT_DEPENDENCIES = Symbol('ConsentDependencies');

export interface ConsentDependencies {
  readonly openIdProvider: Pick<OpenIdProvider, 'findInteraction' | 'current' | 'giveConsent' | 'abandonInteraction'>;
  /** Stores the event; only then does the app get anything. */
  readonly onConsentGranted: (
    userId: string,
    clientId: string,
    consent: Consent,
    context: CommandContext,
  ) => Promise<void>;
  /** How an organization's pages look. */
  readonly brandingOf: (organizationId: string) => Promise<Branding | undefined>;
}

/** The page on which a person agrees to what an app asks for. */
export const consentPath = (interactionUid: string): string => `/consent/${interactionUid}`;
