import { isLine, repairedLine } from '#libs/platform/text.js';
import type { VerifiedAssertion } from './verified-assertion.js';

type TextClaim = Exclude<keyof VerifiedAssertion['claims'], 'emailVerified'>;

const MOST = 500;
/** What accounts are found by: repaired, one could become another's. */
const IDENTIFIERS: ReadonlySet<string> = new Set<TextClaim>(['email', 'preferredUsername']);

/**
 * A provider's text, as far as it keeps the rule for text (security row T1): a name that was cut inside a character is
 * repaired, what accounts are found by is left out, and nothing refuses the sign-in.
 */
const textOf = (claim: string, value: unknown): string | undefined => {
  if (typeof value !== 'string' || value.length > MOST) return undefined;
  const text = IDENTIFIERS.has(claim) ? (isLine(value) ? value : '') : repairedLine(value, MOST);
  return text === '' ? undefined : text;
};

/**
 * Claims by a provider's allow-list, from what was verified (security row L23). A value of the wrong type is left out.
 * @param mapping which field of `source` fills which claim
 */
export const mappedClaims = (
  mapping: Readonly<Partial<Record<TextClaim, string | undefined>>>,
  source: Readonly<Record<string, unknown>>,
): Partial<Record<TextClaim, string>> =>
  Object.fromEntries(
    Object.entries(mapping).flatMap(([claim, field]) => {
      const text = field === undefined || !Object.hasOwn(source, field) ? undefined : textOf(claim, source[field]);
      return text === undefined ? [] : [[claim, text]];
    }),
  );
