import { z } from 'zod';
import { defineEvent } from '#libs/event-store/event-definition.js';
import type { EventOf } from '#libs/event-store/event-definition.js';

/**
 * On `auditAccess-<organization>`: somebody read a history, or an account as of a moment. One for each query or export, stored before the answer.
 * Who and from where is in the metadata. Nothing in it is personal: users are named by their opaque ids.
 */
export const historyAccessed = defineEvent('HistoryAccessed', {
  access: z.enum(['history', 'export', 'follow', 'as_of', 'difference']),
  /** Whose; none for the whole organization's. */
  userId: z.uuid().optional(),
  /** What was asked for, by the names and in the words of the query: filters, cursors, moments. */
  query: z.record(z.string(), z.string()),
});

export const auditEvents = [historyAccessed] as const;
export type AuditEvent = EventOf<(typeof auditEvents)[number]>;
export type HistoryAccess = AuditEvent['data'];
