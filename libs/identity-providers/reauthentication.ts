import { z } from 'zod';

/**
 * What an OpenID Provider does, by its documentation, with what a request may say about the authentication (OpenID
 * Connect Core 3.1.2.1). It is sent what it honours and nothing else; whether it did is checked in its answer.
 */
export const oidcReauthenticationSchema = z.strictObject({
  /** `prompt=login`: authenticates the person now, whatever session they have there. */
  prompt: z.boolean().default(true),
  /** `max_age`: authenticates the person when they last did so longer ago, and returns `auth_time`. */
  maxAge: z.boolean().default(true),
  /** `acr_values`: of those that its metadata lists (`acr_values_supported`). */
  acrValues: z.boolean().default(true),
  /** Its `auth_time` is that of the session that answers. `false`: passed over, as if there were none. */
  authTime: z.boolean().default(true),
});
export type OidcReauthentication = z.output<typeof oidcReauthenticationSchema>;

/** What a SAML provider does with what a request may say about the authentication (SAML core, section 3.4.1). */
export const samlReauthenticationSchema = z.strictObject({
  /** `ForceAuthn`: authenticates the person now, and says so by `AuthnInstant`. */
  forceAuthn: z.boolean().default(true),
  /** `RequestedAuthnContext`. A provider that cannot meet it must fail, so only an essential `acr` is asked for. */
  requestedAuthnContext: z.boolean().default(false),
});
export type SamlReauthentication = z.output<typeof samlReauthenticationSchema>;

/** What settings that say nothing of it mean: those from before it could be said, and those of unknown providers. */
const AS_SPECIFIED = {
  oidc: oidcReauthenticationSchema.parse({}),
  saml: samlReauthenticationSchema.parse({}),
} as const;

type WithReauthentication =
  | { readonly kind: 'oidc'; readonly reauthentication?: OidcReauthentication | undefined }
  | { readonly kind: 'saml'; readonly reauthentication?: SamlReauthentication | undefined }
  | { readonly kind: 'oauth2' };

export const oidcReauthentication = ({
  reauthentication = AS_SPECIFIED.oidc,
}: Extract<WithReauthentication, { kind: 'oidc' }>): OidcReauthentication => reauthentication;

export const samlReauthentication = ({
  reauthentication = AS_SPECIFIED.saml,
}: Extract<WithReauthentication, { kind: 'saml' }>): SamlReauthentication => reauthentication;

/**
 * Whether the provider can be asked to authenticate a person again, and its answer proves that it did. One that speaks
 * OAuth 2.0 has no word for either.
 */
export const provesReauthentication = (settings: WithReauthentication): boolean => {
  switch (settings.kind) {
    case 'oidc': {
      const { prompt, maxAge, authTime } = oidcReauthentication(settings);
      return (prompt || maxAge) && authTime;
    }
    case 'saml':
      return samlReauthentication(settings).forceAuthn;
    case 'oauth2':
      return false;
  }
};

/** What a provider is asked for beside who the person is. It gets what it honours of it. */
export interface AskedOfProvider {
  /** Authenticate the person now. */
  readonly anew: boolean;
  /** … or when they last did so longer ago than this, in seconds. */
  readonly maxAgeS?: number | undefined;
  /** Say when the person authenticated. */
  readonly authTime: boolean;
  /** Authentication context classes, the preferred first. */
  readonly acrValues: readonly string[];
  /** One of them is a must. */
  readonly acrEssential: boolean;
}

export const NOTHING_ASKED: AskedOfProvider = { anew: false, authTime: false, acrValues: [], acrEssential: false };

/** By how much a provider's clock may differ from ours, in milliseconds. */
export const AUTH_TIME_SKEW_MS = 60_000;

/**
 * When a person authenticated by a provider's word. What its clock is ahead of ours, within {@link AUTH_TIME_SKEW_MS},
 * is taken off: nobody authenticates in the future.
 */
export const notInTheFuture = (said: Date, now: Date): Date => (said > now ? now : said);

/** Whether a person authenticated in a flow that was begun then, as two clocks may tell it. */
export const isOfFlow = (authTime: Date | undefined, begunAt: Date): boolean =>
  authTime !== undefined && authTime.getTime() >= begunAt.getTime() - AUTH_TIME_SKEW_MS;
