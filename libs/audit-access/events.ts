import { z } from 'zod';
import { defineEvent } from '#libs/event-store/event-definition.js';
import type { EventOf } from '#libs/event-store/event-definition.js';

/**
 * On `auditAccess-<organization>`: somebody read a history, or an account as of a moment, or looked a user up by a
 * name. One for each query or export, stored before the answer. Who and from where is in the metadata. Nothing in it is
 * personal: users are named by their opaque ids, names by their keys.
 */
export const historyAccessed = defineEvent('HistoryAccessed', {
  access: z.enum(['history', 'export', 'follow', 'as_of', 'difference', 'look_up']),
  /** Whose; none for the whole organization's, and for a name that nobody has. */
  userId: z.uuid().optional(),
  /** What was asked for, by the names and in the words of the query: filters, cursors, moments. */
  query: z.record(z.string(), z.string()),
});

export const auditEvents = [historyAccessed] as const;
export type AuditEvent = EventOf<(typeof auditEvents)[number]>;
export type HistoryAccess = AuditEvent['data'];
