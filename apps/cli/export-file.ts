import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import type { ExportFormat } from '#libs/audit/history-query.js';
import { UsageError } from './exit-codes.js';

interface Shape {
  /** What every file of this format begins with. */
  readonly beginning: string;
  readonly positionOf: (line: string) => string | undefined;
}

const SHAPES: Readonly<Record<ExportFormat, Shape>> = {
  ndjson: { beginning: '{"position":"', positionOf: (line) => /^\{"position":"(\d+)"/.exec(line)?.[1] },
  csv: { beginning: '"position",', positionOf: (line) => /^"(\d+)",/.exec(line)?.[1] },
};
const NEWLINE = 0x0a;
const TAIL_BYTES = 64 * 1024;

/**
 * Where an export into this file goes on: behind its last whole line. What a crash or a full disk left of the line
 * after it is cut off.
 * @returns nothing for a file with no entry yet, which is then empty
 * @throws {UsageError} when the file is no export of this format; nothing of it is changed then
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
    const { beginning, positionOf } = SHAPES[format];
    const begins = await textAt(file, 0, beginning.length);
    if (!beginning.startsWith(begins))
      throw new UsageError(`${path} is no ${format} export. Export into another file.`);
    const last = await lastWholeLine(file);
    const position = last && positionOf(last.line);
    // Without a position it is the header alone, or the beginning of a first line.
    await file.truncate(last && position !== undefined ? last.end : 0);
    return position === undefined ? undefined : BigInt(position);
  } finally {
    await file.close();
  }
};

const textAt = async (file: FileHandle, from: number, length: number): Promise<string> => {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, from);
  return buffer.subarray(0, bytesRead).toString('utf8');
};

/** The last line that ends as a line does, and where it ends. */
const lastWholeLine = async (
  file: FileHandle,
): Promise<{ readonly line: string; readonly end: number } | undefined> => {
  let tail = Buffer.alloc(0);
  for (let from = (await file.stat()).size; from > 0;) {
    const length = Math.min(TAIL_BYTES, from);
    from -= length;
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, from);
    tail = Buffer.concat([buffer, tail]);
    const end = tail.lastIndexOf(NEWLINE);
    const before = end <= 0 ? -1 : tail.lastIndexOf(NEWLINE, end - 1);
    if (end < 0 || (before < 0 && from > 0)) continue;
    return { line: tail.subarray(before + 1, end).toString('utf8'), end: from + end + 1 };
  }
  return undefined;
};
