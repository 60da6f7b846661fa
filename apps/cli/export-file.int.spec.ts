import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { csvHeader } from '#libs/audit/csv.js';
import { resumeAt } from './export-file.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ligature-export-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const line = (position: number, filler = ''): string => `{"position":"${position}","payload":{"filler":"${filler}"}}\n`;
const record = (position: number): string => `"${position}","2026-03-03T12:00:00.000Z"\n`;
let files = 0;
/** Where an export into a file with this content goes on, and what is left of the content. */
const resumed = async (content: string | undefined, format: 'ndjson' | 'csv' = 'ndjson') => {
  const path = join(folder, `export-${(files += 1)}`);
  if (content !== undefined) writeFileSync(path, content);
  const position = await resumeAt(path, format);
  return [position, content === undefined ? undefined : readFileSync(path, 'utf8')];
};

describe('an export into a file goes on', () => {
  it('from the beginning, where there is no file, or nothing in it', async () => {
    expect(await resumed(undefined)).toEqual([undefined, undefined]);
    expect(await resumed('')).toEqual([undefined, '']);
  });

  it('behind its last whole line; what was left of the next one is cut off', async () => {
    expect(await resumed(line(64) + line(128))).toEqual([128n, line(64) + line(128)]);
    for (let cut = 1; cut < line(192).length; cut += 1)
      expect(await resumed(line(64) + line(128) + line(192).slice(0, cut))).toEqual([128n, line(64) + line(128)]);
    expect(await resumed(line(64).slice(0, -1))).toEqual([undefined, '']);
  });

  it('behind lines longer than what is read at once', async () => {
    const long = 'x'.repeat(200_000);
    expect(await resumed(line(64) + line(128, long))).toEqual([128n, line(64) + line(128, long)]);
    expect(await resumed(line(64, long) + line(128, long).slice(0, -1))).toEqual([64n, line(64, long)]);
    expect(await resumed(line(64) + line(128, 'ö'.repeat(40_000)))).toEqual([
      128n,
      line(64) + line(128, 'ö'.repeat(40_000)),
    ]);
  });

  it('of CSV too: a header alone is written anew', async () => {
    expect(await resumed(`${csvHeader}\n${record(64)}${record(128)}"19`, 'csv')).toEqual([
      128n,
      `${csvHeader}\n${record(64)}${record(128)}`,
    ]);
    expect(await resumed(`${csvHeader}\n`, 'csv')).toEqual([undefined, '']);
    expect(await resumed(csvHeader.slice(0, 20), 'csv')).toEqual([undefined, '']);
  });

  it.each<[string, 'ndjson' | 'csv']>([
    ['Dear diary\n', 'ndjson'],
    ['Dear diary', 'ndjson'],
    ['"position', 'ndjson'],
    ['Dear diary\n', 'csv'],
    [`${csvHeader}\n${record(64)}`, 'ndjson'],
    [line(64), 'csv'],
  ])('not into a file that is no such export: %j as %s', async (content, format) => {
    await expect(resumed(content, format)).rejects.toMatchObject({ code: 'wrong_use' });
    expect(readFileSync(join(folder, `export-${files}`), 'utf8')).toBe(content);
  });
});
