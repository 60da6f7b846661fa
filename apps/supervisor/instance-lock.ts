import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isProcessAlive, startOfProcess } from '#libs/platform/process-identity.js';

/** Another supervisor runs on the same data. */
export class AlreadyRunningError extends Error {}

export interface InstanceLock {
  /** The supervisor before did not end in order: what it had started may still be on its way out. */
  readonly leftBehind: boolean;
  release(): void;
}

interface Holder {
  readonly pid: number;
  readonly startedAt: string | null;
}

const isAlive = ({ pid, startedAt }: Holder): boolean => isProcessAlive(pid) && startOfProcess(pid) === startedAt;

const readHolder = (file: string): Holder | undefined => {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Holder;
  } catch {
    return undefined;
  }
};

/**
 * Only one supervisor runs on a data directory.
 * @throws AlreadyRunningError
 */
export const acquireInstanceLock = (dataDirectory: string): InstanceLock => {
  const file = join(dataDirectory, 'supervisor.json');
  const content = JSON.stringify({ pid: process.pid, startedAt: startOfProcess(process.pid) });
  const write = (): void => writeFileSync(file, content, { flag: 'wx', mode: 0o600 });
  const release = (): void => rmSync(file, { force: true });
  try {
    write();
    return { leftBehind: false, release };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const holder = readHolder(file);
  if (holder && holder.pid !== process.pid && isAlive(holder))
    throw new AlreadyRunningError(
      `Ligature runs already on ${dataDirectory} (process ${holder.pid}). Stop it first, or set LIGATURE_DATA_DIR and other ports for a second one.`,
    );
  rmSync(file, { force: true });
  write();
  return { leftBehind: true, release };
};
