import type { AskedOfProvider } from '#libs/identity-providers/reauthentication.js';
import type { IdentityProviderSettings, SettingsOf } from '#libs/identity-providers/settings.js';
import type { VerifiedAssertion } from '#libs/identity-providers/verified-assertion.js';
import type { LogoutAtProvider } from './sessions-at-providers.postgres.js';

/**
 * What a flow through an external provider was begun for. Kept in the one-shot row that the response's state names,
 * never in the browser.
 */
export type FlowIntent =
  /** Without an interaction: a sign-in to the account pages themselves. */
  | {
      readonly kind: 'sign-in';
      readonly organizationId: string;
      readonly interactionUid?: string | undefined;
      /**
       * The sign-in proves control of an account, to link another identity to it that waits for that (rows 3, 3′ and
       * 5).
       */
      readonly pendingLinkId?: string | undefined;
    }
  | { readonly kind: 'link'; readonly organizationId: string; readonly userId: string; readonly sessionId: string }
  | {
      readonly kind: 'proof';
      readonly organizationId: string;
      readonly userId: string;
      readonly sessionId: string;
      readonly returnTo: string;
    };

/** A response that was not believed, or a provider that could not be asked. `detail` is for the log only. */
export interface ExternalSignInRefusal {
  readonly kind: 'refused';
  readonly code: string;
  readonly step: string;
  readonly detail?: string | undefined;
  /** What the flow was begun for, once the response has named a flow of this browser. */
  readonly intent?: FlowIntent;
}

/** Sign-in through external providers, protocol and all its checks included. */
export interface ExternalSignIn {
  begin(request: {
    readonly settings: IdentityProviderSettings;
    readonly intent: FlowIntent;
    readonly browserId: string;
    readonly callbackUrl: string;
    /** Ask the provider to authenticate the person again, and have it proven: refused where it cannot be. */
    readonly reauthenticate?: boolean;
    /** What to pass on where the provider honours it. */
    readonly asked?: AskedOfProvider;
  }): Promise<
    | { readonly kind: 'redirect'; readonly redirectTo: string }
    | { readonly kind: 'post'; readonly postTo: string; readonly fields: Readonly<Record<string, string>> }
    | ExternalSignInRefusal
  >;
  complete(request: {
    readonly settings: IdentityProviderSettings;
    /** Query parameters, or the fields of a form. */
    readonly parameters: Readonly<Record<string, unknown>>;
    readonly browserId: string;
    readonly callbackUrl: string;
  }): Promise<
    | {
        readonly kind: 'verified';
        readonly assertion: VerifiedAssertion;
        readonly intent: FlowIntent;
        readonly reauthenticated: boolean;
      }
    /** A response that answers no request of ours: it has no intent. */
    | { readonly kind: 'unsolicited'; readonly assertion: VerifiedAssertion }
    | ExternalSignInRefusal
  >;
}

/** Logout messages that external providers send to us directly, without a browser. */
export interface BackChannelLogouts {
  verify(
    settings: SettingsOf<'oidc'>,
    token: unknown,
  ): Promise<({ readonly kind: 'logout' } & LogoutAtProvider) | Omit<ExternalSignInRefusal, 'intent'>>;
}

/** A LogoutRequest as its binding carries it. Nothing of it is believed. */
export type SamlLogoutMessage =
  | { readonly binding: 'post'; readonly encoded: unknown; readonly relayState: unknown }
  | { readonly binding: 'redirect'; readonly rawQuery: string };

/** What we are to a SAML provider, beside where people sign in. @see callbackUrl for `assertionConsumerService` */
export interface SamlServiceProvider {
  /** @returns XML */
  metadata(settings: SettingsOf<'saml'>, assertionConsumerService: string): string;
  /** Verifies a provider's word that somebody has left there. */
  readLogout(
    settings: SettingsOf<'saml'>,
    assertionConsumerService: string,
    message: SamlLogoutMessage,
  ): Promise<
    | {
        readonly kind: 'logout';
        readonly ended: readonly LogoutAtProvider[];
        /** Where to send the browser with our answer; nothing where the provider takes none by a redirect. */
        readonly answerAt: string | undefined;
      }
    | Omit<ExternalSignInRefusal, 'intent'>
  >;
}

/**
 * Responses that a provider has the browser post to us. Such a request comes from another site and carries no cookie of
 * ours, so it is kept, unread, for the request of our own that follows it at once and has the cookie (security.md,
 * "Upstream SAML").
 */
export interface PostedResponses {
  /** @returns a handle for the address that the browser is sent to: 256 bits, used once */
  keep(providerId: string, parameters: Readonly<Record<string, string>>): Promise<string>;
  /** Takes what a handle stands for; a second time, after a minute, and at another provider there is nothing. */
  take(providerId: string, handle: unknown): Promise<Readonly<Record<string, string>> | undefined>;
}
