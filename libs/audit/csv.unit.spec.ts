import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { csvCell, csvHeader, csvLine } from './csv.js';
import type { HistoryEntry } from './entry.js';

const entry: HistoryEntry = {
  position: '768',
  eventId: 'e',
  occurredAt: '2026-03-03T12:00:00.000Z',
  type: 'ProfileUpdated',
  sentence: 'The name was changed',
  userId: 'u',
  actor: { type: 'user', id: 'u' },
  organizationId: 'default',
  source: { address: '192.0.2.7' },
  correlationId: 'c',
  payload: { displayName: 'Ann "A" Bea' },
  erased: [],
};

describe('CSV', () => {
  it('is a record on a line of its own, quotes doubled, columns as in the header (RFC 4180)', () => {
    expect(csvHeader).toBe(
      '"position","occurredAt","type","sentence","userId","actorType","actorId","organizationId","providerId","clientId","address","userAgent","correlationId","eventId","erased","payload"',
    );
    expect(csvLine(entry)).toBe(
      '"768","2026-03-03T12:00:00.000Z","ProfileUpdated","The name was changed","u","user","u","default","","","192.0.2.7","","c","e","","{""displayName"":""Ann \\""A\\"" Bea""}"',
    );
    expect(csvLine({ ...entry, source: 'erased', erased: ['displayName', 'source'] })).toContain(
      '"erased","erased","c","e","displayName source"',
    );
  });

  it.each(['=HYPERLINK("http://evil.example")', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '＝1', '＋1', '－1', '＠A'])(
    'a formula stays a text: %j',
    (text) => expect(csvCell(text)).toMatch(/^"'/),
  );

  it('whatever the text: one line, no control character, no formula, quotes in pairs', () =>
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const cell = csvCell(text);
        expect(cell).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
        expect(cell).not.toMatch(/^"[=+\-@＝＋－＠]/);
        expect(cell.slice(1, -1).replaceAll('""', '')).not.toContain('"');
      }),
    ));
});
