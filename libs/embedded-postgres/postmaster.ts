import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { processState } from '#libs/platform/process-identity.js';

/** What a data directory's `postmaster.pid` says about the server that has it open. */
export interface Postmaster {
  readonly pid: number;
  readonly port: number;
}

/** Where the system tells it (Linux): the process is something else, so the pid was given out again since. */
const isAnotherProgram = (pid: number): boolean => {
  try {
    return !readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('postgres');
  } catch {
    return false;
  }
};

/**
 * The live server of a data directory: one that a killed parent left behind, or that another process runs. PostgreSQL
 * goes by the pid alone and refuses to start when that is a zombie's or another program's; the lock file is removed
 * then. Backends that outlive their postmaster are still found, because PostgreSQL also looks for shared memory that
 * belongs to the data directory.
 */
export const findPostmaster = (data: string): Postmaster | undefined => {
  const file = join(data, 'postmaster.pid');
  let lines: string[];
  try {
    lines = readFileSync(file, 'utf8').split('\n');
  } catch {
    return undefined;
  }
  const pid = Number(lines[0]);
  const port = Number(lines[3]);
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  const state = processState(pid);
  if (state === 'gone') return undefined;
  if (state === 'alive' && !isAnotherProgram(pid)) return { pid, port };
  rmSync(file, { force: true });
  return undefined;
};

/** Whether the server with this pid still runs in this data directory. */
export const isRunning = (data: string, pid: number): boolean => findPostmaster(data)?.pid === pid;
