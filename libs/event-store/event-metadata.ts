import { z } from 'zod';

/** Who made a command. For a person the id is the user's opaque id; actors are asserted by the server, not proven. */
export const actorSchema = z.strictObject({
  type: z.enum(['user', 'admin', 'client', 'provider', 'system']),
  id: z.string().min(1).max(200),
});
export type Actor = z.infer<typeof actorSchema>;

/**
 * Where a command came from. Personal: stored encrypted under the actor's key, or the installation's where there is no
 * person.
 */
export const sourceSchema = z.strictObject({
  address: z.string().max(64).optional(),
  userAgent: z.string().max(512).optional(),
});
export type Source = z.infer<typeof sourceSchema>;

/**
 * The part of an event's metadata that is stored as it is. `$correlationId` and `$causationId` are EventStoreDB's own
 * names.
 */
export const plainMetadataSchema = z.object({
  $correlationId: z.string().max(200),
  $causationId: z.string().max(200),
  commandId: z.string().max(200),
  /** SHA-256 of the command's body, where the caller named the command by an `Idempotency-Key`. */
  bodyHash: z.string().max(64).optional(),
  actor: actorSchema,
  organizationId: z.string().max(200).optional(),
  clientId: z.string().max(200).optional(),
  /** ISO 8601, UTC. */
  occurredAt: z.iso.datetime(),
  schemaVersion: z.number().int().min(1),
});

/** An event's metadata as readers see it; `source` is missing when none was known or when its subject was erased. */
export type EventMetadata = z.infer<typeof plainMetadataSchema> & { readonly source?: Source };

/** What a command brings to each of its events. Made once per command at the edge (an HTTP request, a CLI call). */
export interface CommandContext {
  readonly commandId: string;
  readonly correlationId: string;
  /** Of what the command says, where its id comes from the caller: the same id with another body is refused. */
  readonly bodyHash?: string;
  /** The id of what caused the command: another event, or the command itself. */
  readonly causationId?: string;
  readonly actor: Actor;
  readonly organizationId?: string;
  readonly clientId?: string;
  readonly source?: Source;
}
