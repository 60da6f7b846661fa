import { readFileSync } from 'node:fs';

/** What the system tells of a process (Linux, proc(5)): its state letter, and when it started in ticks since boot. */
const statOf = (
  pid: number,
): { readonly state: string | undefined; readonly startedAt: string | undefined } | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0], startedAt: fields[19] };
  } catch {
    return undefined;
  }
};

/**
 * Whether a process runs. A zombie has ended, but its parent has not asked yet: programs that look for the pid alone
 * take it for running, and where process 1 is no real init (containers) it may stay for ever.
 */
export const processState = (pid: number): 'alive' | 'zombie' | 'gone' => {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return 'gone';
  }
  return statOf(pid)?.state === 'Z' ? 'zombie' : 'alive';
};

export const isProcessAlive = (pid: number): boolean => processState(pid) === 'alive';

/** Names one run of a process, where the system allows it: a pid alone is given out again. */
export const startOfProcess = (pid: number): string | null => statOf(pid)?.startedAt ?? null;
