import type { JWTPayload } from 'jose';
import type { VerifiedAssertion } from '../verified-assertion.js';
import { UpstreamError } from '../upstream-error.js';
import type { OidcProviderSettings } from './settings.js';

const PART = /^[\x20-\x7e]{1,255}$/;

/**
 * Whom a verified id_token names: its `sub`, or the claims that the provider's settings name instead. These are a
 * source of a kind of its own, each part with its length, so that no value can pass for another (security row L14).
 * @throws {UpstreamError}
 */
export const subjectOf = (
  { subjectClaims }: OidcProviderSettings,
  subject: string,
  payload: JWTPayload,
): Pick<VerifiedAssertion, 'sourceKind' | 'subject'> => {
  if (subjectClaims.length === 1 && subjectClaims[0] === 'sub') return { sourceKind: 'oidc', subject };
  const parts = subjectClaims.map((claim) => {
    const value = Object.hasOwn(payload, claim) ? payload[claim] : undefined;
    if (typeof value !== 'string' || !PART.test(value)) {
      throw new UpstreamError(
        'id_token_claims_invalid',
        'id_token',
        `${claim}, which names the person, is missing or no text`,
      );
    }
    return `${claim}:${value.length}:${value}`;
  });
  return { sourceKind: 'oidc_claims', subject: parts.join(';') };
};
