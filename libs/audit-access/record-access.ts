import { appendUnconditionally } from '#libs/event-store/command-execution.js';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import { streamName } from '#libs/event-store/stream-name.js';
import type { StreamName } from '#libs/event-store/stream-name.js';
import { INSTALLATION_SUBJECT } from '#libs/privacy/subject-keys.js';
import type { HistoryAccess } from './events.js';

export const AUDIT_ACCESS_CATEGORY = 'auditAccess';

export const auditAccessStream = (organizationId: string): StreamName =>
  streamName(AUDIT_ACCESS_CATEGORY, organizationId);

/**
 * Stores that somebody reads a history. Called before anything of it is told: who cannot be written down is not
 * answered.
 * @param query the query as it was asked, parameter by parameter
 */
export const recordAccess = async (
  store: EventStore,
  organizationId: string,
  access: Omit<HistoryAccess, 'query'> & { readonly query: Readonly<Record<string, unknown>> },
  context: CommandContext,
): Promise<void> => {
  const query = Object.fromEntries(
    Object.entries(access.query).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
  await appendUnconditionally(store, {
    stream: auditAccessStream(organizationId),
    events: [{ type: 'HistoryAccessed', data: { ...access, query } }],
    context: { ...context, organizationId },
    subject: INSTALLATION_SUBJECT,
  });
};
