import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Another supervisor runs on the same data. */
export class AlreadyRunningError extends Error {}

export interface InstanceLock {
  /** The supervisor before did not end in order: what it had started may still be on its way out. */
  readonly leftBehind: boolean;
  release(): void;
}

interface Holder {
  readonly pid: number;
  readonly script: string;
}

/** A pid alone proves nothing: it is given out again. Where the system shows command lines (Linux), it must be the same script, too. */
const isAlive = ({ pid, script }: Holder): boolean => {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(script);
  } catch {
    return true;
  }
};

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
  const content = JSON.stringify({ pid: process.pid, script: process.argv[1] ?? '' });
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
