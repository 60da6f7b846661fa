import { z } from 'zod';
import { defineEvent } from '#libs/event-store/event-definition.js';
import type { EventOf } from '#libs/event-store/event-definition.js';

const grant = { clientId: z.string(), grantId: z.string() };

/** On `userActivity-<id>`: the person agreed on a page to what an app gets. */
export const consentGranted = defineEvent('ConsentGranted', {
  clientId: z.string(),
  scopes: z.array(z.string()),
  /** Scopes at resource servers (RFC 8707). */
  resources: z.array(z.strictObject({ resource: z.string(), scopes: z.array(z.string()) })),
});
/** On `userActivity-<id>`: the person took an app's access away; its grants end with it. */
export const consentRevoked = defineEvent('ConsentRevoked', { clientId: z.string() });

/**
 * On `userActivity-<id>`, before the app gets them: tokens for this person. The tokens themselves are nowhere but in
 * the answer.
 */
export const tokensIssued = defineEvent('TokensIssued', {
  ...grant,
  grantType: z.enum(['authorization_code', 'refresh_token', 'device_code']),
  scopes: z.array(z.string()),
  /** The resource server that the access token is for (RFC 8707); none: the OpenID Provider's own UserInfo. */
  resource: z.string().optional(),
  /** The sign-in that they go back to. */
  sessionId: z.string(),
  /** Whether a refresh token among them outlives the session (scope `offline_access`). */
  offline: z.boolean(),
});

export const tokensRevoked = defineEvent('TokensRevoked', {
  ...grant,
  reason: z.enum([
    'revoked_by_client',
    /** The person signed out of the app, and stayed signed in. */
    'signed_out_of_app',
    'consent_revoked',
    'code_replayed',
    'refused_after_revocation',
    'identity_unlinked',
    'password_changed',
    'account_recovered',
    'account_deactivated',
    'account_erased',
  ]),
});
/**
 * On `userActivity-<id>`: a refresh token came a second time, so one of two holders is a thief: the whole grant ended
 * (security row P4).
 */
export const refreshTokenReuseDetected = defineEvent('RefreshTokenReuseDetected', grant);

export const grantEvents = [
  consentGranted,
  consentRevoked,
  tokensIssued,
  tokensRevoked,
  refreshTokenReuseDetected,
] as const;
export type GrantEvent = EventOf<(typeof grantEvents)[number]>;
export type TokensRevokedReason = EventOf<typeof tokensRevoked>['data']['reason'];
