import type { RecordedEvent } from '#libs/event-store/recorded-event.js';
import { csvHeader, csvLine } from './csv.js';
import { entryOf } from './entry.js';
import type { HistoryEntry } from './entry.js';
import { facetsOf, matches } from '#libs/event-catalog/facets.js';
import type { ExportFormat, ExportQuery } from './history-query.js';

/** How many events an export reads at once. */
export const EXPORT_PIECE = 500;
/** How many lines go out together. */
const LINES_AT_ONCE = 100;

const LINE_OF: Readonly<Record<ExportFormat, (entry: HistoryEntry) => string>> = {
  ndjson: (entry) => JSON.stringify(entry),
  csv: csvLine,
};

/**
 * The lines of an export, some at a time, as they are read: memory is flat however many there are. Each line begins
 * with the position that the export goes on behind when it is resumed; what is resumed has no header, so that it can be
 * put behind what there is.
 */
export async function* exportLines(
  events: AsyncIterable<RecordedEvent>,
  query: ExportQuery,
): AsyncGenerator<string, void> {
  let lines = query.format === 'csv' && query.after === undefined ? [csvHeader] : [];
  for await (const recorded of events) {
    if (!matches(query, facetsOf(recorded))) continue;
    lines.push(LINE_OF[query.format](entryOf(recorded)));
    if (lines.length < LINES_AT_ONCE) continue;
    yield `${lines.join('\n')}\n`;
    lines = [];
  }
  if (lines.length > 0) yield `${lines.join('\n')}\n`;
}
