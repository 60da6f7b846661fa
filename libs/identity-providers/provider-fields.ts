import { z } from 'zod';
import { isSecureOrLoopback } from '#libs/platform/secure-url.js';
import { slugSchema } from '#libs/platform/slug.js';

/** What every kind of provider has. */
export const commonProviderShape = {
  displayName: z.string().min(1).max(100),
  /**
   * The organization that the provider belongs to: only it may offer it. None: the installation's, which any
   * organization may offer.
   */
  organizationId: slugSchema.optional(),
} as const;

/** Where a provider is asked: https; http on a loopback host only, for development (security row O10). */
export const endpointSchema = z
  .string()
  .max(2_000)
  .refine(
    (address) => isSecureOrLoopback(address) && !address.includes('#'),
    'must be https (http on a loopback host only), without fragment',
  );

/** A secret of a provider. Stored encrypted, never returned. */
export const secretSchema = z.string().min(1).max(20_000);

export const scopeSchema = z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'is no scope (RFC 6749, section 3.3)');
