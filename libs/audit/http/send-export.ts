import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Response } from 'express';
import type { RecordedEvent } from '#libs/event-store/recorded-event.js';
import { withDeadline } from '#libs/platform/deadline.js';
import { exportLines } from '../export-lines.js';
import type { ExportFormat, ExportQuery } from '../history-query.js';

const MEDIA_TYPES: Readonly<Record<ExportFormat, string>> = {
  ndjson: 'application/x-ndjson',
  csv: 'text/csv; charset=utf-8',
};

/**
 * Answers with an export, at the pace of whoever reads it. One that fails in the middle ends without the end that HTTP
 * gives a whole answer, so that nobody takes it for whole; the position in its last line is where to go on.
 */
export const sendExport = async (
  response: Response,
  events: AsyncIterable<RecordedEvent>,
  query: ExportQuery,
): Promise<void> => {
  response.set({
    'cache-control': 'no-store',
    'content-type': MEDIA_TYPES[query.format],
    'content-disposition': `attachment; filename="history.${query.format}"`,
    'x-content-type-options': 'nosniff',
  });
  try {
    // An export may take longer than an answer may: each of its reads is bounded by itself.
    await withDeadline(Infinity, () =>
      pipeline(Readable.from(exportLines(events, query), { highWaterMark: 1 }), response),
    );
  } catch (error) {
    // Whoever asked went away; that is not our failure.
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
};
