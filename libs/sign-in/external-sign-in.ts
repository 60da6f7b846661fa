import type { IdentityProviderSettings } from '#libs/identity-providers/settings.js';
import type { VerifiedAssertion } from '#libs/linking/verified-assertion.js';

/** What a flow through an external provider was begun for. Kept in the one-shot row that the response's state names, never in the browser. */
export type FlowIntent =
  /** Without an interaction: a sign-in to the account pages themselves. */
  | {
      readonly kind: 'sign-in';
      readonly organizationId: string;
      readonly interactionUid?: string | undefined;
      /** The sign-in proves control of an account, to link another identity to it that waits for that (rows 3, 3′ and 5). */
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
    /** Ask the provider to authenticate the person again, and have it proven. */
    readonly reauthenticate?: boolean;
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
    | { readonly kind: 'verified'; readonly assertion: VerifiedAssertion; readonly intent: FlowIntent; readonly reauthenticated: boolean }
    /** A response that answers no request of ours: it has no intent. */
    | { readonly kind: 'unsolicited'; readonly assertion: VerifiedAssertion }
    | ExternalSignInRefusal
  >;
}

/**
 * Responses that a provider has the browser post to us. Such a request comes from another site and carries no cookie of ours, so it is kept,
 * unread, for the request of our own that follows it at once and has the cookie (security.md, "Upstream SAML").
 */
export interface PostedResponses {
  /** @returns a handle for the address that the browser is sent to: 256 bits, used once */
  keep(providerId: string, parameters: Readonly<Record<string, string>>): Promise<string>;
  /** Takes what a handle stands for; a second time, after a minute, and at another provider there is nothing. */
  take(providerId: string, handle: unknown): Promise<Readonly<Record<string, string>> | undefined>;
}
