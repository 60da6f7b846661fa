import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** What a data directory's `postmaster.pid` says about the server that has it open. */
export interface Postmaster {
  readonly pid: number;
  readonly port: number;
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};

/** Where the system tells it (Linux): the process is something else, so the pid was given out again since. */
const isAnotherProgram = (pid: number): boolean => {
  try {
    return !readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('postgres');
  } catch {
    return false;
  }
};

/**
 * The live server of a data directory: one that a killed parent left behind, or that another process runs. A lock file whose pid now belongs to
 * another program is removed, because PostgreSQL would take it for a server and refuse to start.
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
  if (!Number.isInteger(pid) || pid <= 0 || !isAlive(pid)) return undefined;
  if (isAnotherProgram(pid)) {
    rmSync(file, { force: true });
    return undefined;
  }
  return { pid, port };
};

/** Whether the server with this pid still runs in this data directory. */
export const isRunning = (data: string, pid: number): boolean => findPostmaster(data)?.pid === pid;
