import type { OidcProviderSettings } from '#libs/identity-providers/settings.js';
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
    readonly settings: OidcProviderSettings;
    readonly intent: FlowIntent;
    readonly browserId: string;
    readonly callbackUrl: string;
    /** Ask the provider to authenticate the person again, and have it proven. */
    readonly reauthenticate?: boolean;
  }): Promise<{ readonly kind: 'redirect'; readonly redirectTo: string } | ExternalSignInRefusal>;
  complete(request: {
    readonly settings: OidcProviderSettings;
    readonly query: Readonly<Record<string, unknown>>;
    readonly browserId: string;
    readonly callbackUrl: string;
  }): Promise<
    | { readonly kind: 'verified'; readonly assertion: VerifiedAssertion; readonly intent: FlowIntent; readonly reauthenticated: boolean }
    | ExternalSignInRefusal
  >;
}
