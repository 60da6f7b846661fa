import { z } from 'zod';
import { defineEvent, personal } from '#libs/event-store/event-definition.js';
import type { EventOf } from '#libs/event-store/event-definition.js';

/** A user was created just in time, at the first sign-in through an external identity provider (C2). First event of its stream. */
export const userProvisioned = defineEvent('UserProvisioned', {
  /** The organization that the user belongs to, for ever. */
  organizationId: z.string(),
  /** The provider whose assertion the profile was taken from. */
  providerId: z.string(),
  displayName: personal(z.string()),
  givenName: personal(z.string()),
  familyName: personal(z.string()),
  /** As the provider asserted it; nobody has verified it for Ligature, and nothing is matched by it. */
  email: personal(z.string()),
});

export const accountEvents = [userProvisioned] as const;
export type AccountEvent = EventOf<(typeof accountEvents)[number]>;
