import { z } from 'zod';
import type { VerifiedAssertion } from './verified-assertion.js';

type TextClaim = Exclude<keyof VerifiedAssertion['claims'], 'emailVerified'>;

const NOT_PRINTABLE = /[\u0000-\u001f\u007f]/;
const textSchema = z
  .string()
  .min(1)
  .max(500)
  .refine((text) => !NOT_PRINTABLE.test(text));

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
      const text =
        field === undefined || !Object.hasOwn(source, field) ? undefined : textSchema.safeParse(source[field]).data;
      return text === undefined ? [] : [[claim, text]];
    }),
  );
