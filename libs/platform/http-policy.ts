import { z } from 'zod';
import { DEFAULT_HTTP_POLICY } from '#libs/platform/guarded-http.js';
import type { HttpPolicy } from '#libs/platform/guarded-http.js';

/** What an installation says of the addresses that may be asked; docs/operating.md explains each variable. */
export const httpPolicyShape = {
  LIGATURE_ENV: z.enum(['production', 'development']).default('production'),
  LIGATURE_ALLOW_PRIVATE_PROVIDERS: z.stringbool().default(false),
} as const;

export const httpPolicyOf = (config: {
  readonly LIGATURE_ENV: 'production' | 'development';
  readonly LIGATURE_ALLOW_PRIVATE_PROVIDERS: boolean;
}): HttpPolicy => ({
  ...DEFAULT_HTTP_POLICY,
  allowLoopback: config.LIGATURE_ENV === 'development',
  allowPrivateAddresses: config.LIGATURE_ALLOW_PRIVATE_PROVIDERS,
});
