import { z } from 'zod';

/** A slug: names an organization or a provider in URLs and stream names. */
export const slugSchema = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/, 'must be 1 to 40 of a-z, 0-9 and -, not beginning or ending with -');
