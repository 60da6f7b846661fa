import { z } from 'zod';
import { defineEvent, personal } from '#libs/event-store/event-definition.js';
import type { EventOf } from '#libs/event-store/event-definition.js';

/**
 * On `externalIdentity-<key>`: somebody is about to link this identity. The owner's stream settles what became of it.
 */
export const externalIdentityClaimed = defineEvent('ExternalIdentityClaimed', {
  claimId: z.uuid(),
  /** The user's opaque id, in plain, so that it can be read after an erasure. */
  ownerId: z.uuid(),
  /** From then on anybody may abandon the claim if it is not settled. ISO 8601, UTC. */
  deadline: z.iso.datetime(),
});

/** On `externalIdentity-<key>`: the claim is over; the identity may be claimed again. */
export const externalIdentityReleased = defineEvent('ExternalIdentityReleased', { claimId: z.uuid() });

/** How a link came to be. */
export const linkOrigin = z.enum([
  'self_service',
  'just_in_time',
  'automatic_by_email',
  'automatic_by_username',
  'admin',
  'import',
]);

/** On `user-<id>`: settles a claim; from now on this identity signs this user in. */
export const externalIdentityLinked = defineEvent('ExternalIdentityLinked', {
  claimId: z.uuid(),
  providerId: z.string(),
  /** The id of the identity's `externalIdentity-` stream. */
  identityKey: z.string(),
  issuer: z.string(),
  subject: personal(z.string()),
  /** What the person is called at the provider, to tell several identities of one provider apart. */
  nameAtProvider: personal(z.string()),
  /** Provenance (U3): which way, which proof, under which revision of the organization's policy, by which assertion. */
  provenance: z.strictObject({
    origin: linkOrigin,
    proof: z.enum(['assertion', 'assertion_and_reauthentication']),
    policyRevision: z.string(),
    assertionId: z.string(),
  }),
});

/** On `user-<id>`: the identity no longer signs this user in. */
export const externalIdentityUnlinked = defineEvent('ExternalIdentityUnlinked', {
  claimId: z.uuid(),
  providerId: z.string(),
  identityKey: z.string(),
});

/** On `user-<id>`: settles a claim that nobody came back for. On a stream without a user it makes that user id dead. */
export const claimAbandoned = defineEvent('ClaimAbandoned', { claimId: z.uuid() });

export const claimEvents = [externalIdentityClaimed, externalIdentityReleased] as const;
export const linkEvents = [externalIdentityLinked, externalIdentityUnlinked, claimAbandoned] as const;

export type ClaimEvent = EventOf<(typeof claimEvents)[number]>;
export type LinkEvent = EventOf<(typeof linkEvents)[number]>;
