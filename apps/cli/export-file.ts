import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import type { ExportFormat } from '#libs/audit/history-query.js';
import { UsageError } from './exit-codes.js';

const POSITION_OF: Readonly<Record<ExportFormat, (line: string) => string | undefined>> = {
  ndjson: (line) => /^\{"position":"(\d+)"/.exec(line)?.[1],
  csv: (line) => /^"(\d+)",/.exec(line)?.[1],
};
const NEWLINE = 0x0a;
const TAIL_BYTES = 64 * 1024;

/**
 * Where an export into this file goes on: behind its last whole line. What a crash or a full disk left of the line after it is cut off.
 * @returns nothing for a file with no entry yet, which is then empty
 * @throws {UsageError} when the file is no export of this format
 */
export const resumeAt = async (path: string, format: ExportFormat): Promise<bigint | undefined> => {
  let file: FileHandle;
  try {
    file = await open(path, 'r+');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const line = await lastWholeLine(file);
    const position = line === undefined ? undefined : POSITION_OF[format](line);
    if (position !== undefined) return BigInt(position);
    // Nothing, or the header alone.
    if (line !== undefined && !(format === 'csv' && line.startsWith('"position",')))
      throw new UsageError(`${path} is no ${format} export; its last line has no position. Export into another file.`);
    await file.truncate(0);
    return undefined;
  } finally {
    await file.close();
  }
};

/** The last line that ends as a line does; everything behind it is cut off. */
const lastWholeLine = async (file: FileHandle): Promise<string | undefined> => {
  const { size } = await file.stat();
  let tail = Buffer.alloc(0);
  for (let from = size; from > 0;) {
    const length = Math.min(TAIL_BYTES, from);
    from -= length;
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, from);
    tail = Buffer.concat([buffer, tail]);
    const end = tail.lastIndexOf(NEWLINE);
    if (end < 0) continue;
    const before = end === 0 ? -1 : tail.lastIndexOf(NEWLINE, end - 1);
    if (before < 0 && from > 0) continue;
    await file.truncate(from + end + 1);
    return tail.subarray(before + 1, end).toString('utf8');
  }
  await file.truncate(0);
  return undefined;
};
