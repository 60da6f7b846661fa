import { onOneLine } from '#libs/platform/one-line.js';
import type { HistoryEntry } from './entry.js';

const COLUMNS: readonly (readonly [name: string, of: (entry: HistoryEntry) => string | undefined])[] = [
  ['position', ({ position }) => position],
  ['occurredAt', ({ occurredAt }) => occurredAt],
  ['type', ({ type }) => type],
  ['sentence', ({ sentence }) => sentence],
  ['userId', ({ userId }) => userId],
  ['actorType', ({ actor }) => actor.type],
  ['actorId', ({ actor }) => actor.id],
  ['organizationId', ({ organizationId }) => organizationId],
  ['providerId', ({ providerId }) => providerId],
  ['clientId', ({ clientId }) => clientId],
  ['address', ({ source }) => (typeof source === 'string' ? source : source?.address)],
  ['userAgent', ({ source }) => (typeof source === 'string' ? source : source?.userAgent)],
  ['correlationId', ({ correlationId }) => correlationId],
  ['eventId', ({ eventId }) => eventId],
  ['erased', ({ erased }) => erased.join(' ')],
  ['payload', ({ payload }) => JSON.stringify(payload)],
];

/** What a spreadsheet takes for the beginning of a formula, full-width forms included (OWASP, "CSV Injection"). */
const FORMULA = /^[=+\-@\t\r＝＋－＠]/;

/**
 * A cell (RFC 4180): always quoted, on one line, and never a formula, whatever a person or a provider called
 * themselves.
 */
export const csvCell = (value: string | undefined): string => {
  const text = value ?? '';
  const harmless = FORMULA.test(text) ? `'${text}` : text;
  return `"${onOneLine(harmless).replaceAll('"', '""')}"`;
};

export const csvHeader = COLUMNS.map(([name]) => csvCell(name)).join(',');
/** An entry as a record of its own line. */
export const csvLine = (entry: HistoryEntry): string => COLUMNS.map(([, of]) => csvCell(of(entry))).join(',');
