import { readdirSync, readFileSync } from 'node:fs';

const TICKS_PER_SECOND = 100;

/**
 * The processor time that processes and all their descendants have used, in milliseconds (Linux; elsewhere NaN). What a
 * request costs by this measure does not depend on what else the machine is doing, as requests per second do.
 */
export const cpuTimeMs = (roots: readonly number[]): number => {
  const processes = new Map<number, { readonly parent: number; readonly ticks: number }>();
  try {
    for (const entry of readdirSync('/proc')) {
      if (!/^\d+$/.test(entry)) continue;
      try {
        // The name in parentheses may hold anything; after it come state, parent, …, user and system time (proc(5)).
        const fields = readFileSync(`/proc/${entry}/stat`, 'utf8')
          .replace(/^.*\) /s, '')
          .split(' ');
        processes.set(Number(entry), { parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) });
      } catch {
        // It has just ended.
      }
    }
  } catch {
    return NaN;
  }
  const belongs = (pid: number): boolean =>
    roots.includes(pid) || (pid > 1 && belongs(processes.get(pid)?.parent ?? 0));
  return (
    [...processes].reduce((sum, [pid, { ticks }]) => (belongs(pid) ? sum + ticks : sum), 0) * (1_000 / TICKS_PER_SECOND)
  );
};
