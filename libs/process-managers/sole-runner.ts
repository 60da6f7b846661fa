import { setTimeout as delay } from 'node:timers/promises';
import { NotTheStoreWeKnewError } from '#libs/event-store/store-identity.js';
import type { Logger } from '#libs/platform/logger.js';
import { whileLocked } from '#libs/platform/postgres/advisory-lock.js';
import type { Pool } from '#libs/platform/postgres/pool.js';

const FAILURE_PAUSE_MS = { first: 100, most: 5_000 };

export interface SoleRunnerOptions {
  readonly pool: Pool;
  /** Of the process manager. One instance of each name is active. */
  readonly name: string;
  readonly logger: Logger;
  /** Goes on until its signal is aborted, or fails. */
  readonly work: (signal: AbortSignal) => Promise<void>;
}

/**
 * Keeps a process manager running: in one instance, by an advisory lock, while the others stand by; and again after
 * every failure.
 */
export class SoleRunner {
  state: 'standing_by' | 'running' | 'failing' = 'standing_by';
  lastError: string | undefined;

  constructor(private readonly options: SoleRunnerOptions) {}

  /** Runs until `signal` is aborted; a failure is retried for ever. @throws {NotTheStoreWeKnewError} */
  async run(signal: AbortSignal): Promise<void> {
    const { pool, name, logger, work } = this.options;
    let pause = FAILURE_PAUSE_MS.first;
    while (!signal.aborted) {
      let begun = Infinity;
      try {
        const running = async (locked: AbortSignal): Promise<void> => {
          begun = performance.now();
          this.state = 'running';
          this.lastError = undefined;
          await work(locked);
        };
        await whileLocked(pool, ['ligature process manager', name], signal, running, () => {
          this.state = 'standing_by';
        });
      } catch (error) {
        if (signal.aborted) return;
        this.state = 'failing';
        this.lastError = (error as Error).message;
        if (error instanceof NotTheStoreWeKnewError) throw error;
        logger.error({ processManager: name, error: this.lastError }, 'a process manager failed; trying again');
        // What works for a while and then fails is not what never works.
        if (performance.now() - begun > FAILURE_PAUSE_MS.most) pause = FAILURE_PAUSE_MS.first;
        await delay(pause, undefined, { signal }).catch(() => undefined);
        pause = Math.min(pause * 2, FAILURE_PAUSE_MS.most);
      }
    }
  }
}
