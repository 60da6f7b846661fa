import { forgetOldest } from '#libs/platform/forget-oldest.js';
import type { StreamName } from './stream-name.js';

/** An event, as far as it says which stream has changed. */
export interface Change {
  readonly stream: StreamName;
  readonly position: bigint;
}

/** The last events that are remembered, to be recognized by who stored them. */
const MOST_RECENT = 4_096;
/** Streams whose last change is remembered. */
const MOST_STREAMS = 50_000;
/** Whoever waits for an event longer than this, in milliseconds, is told that it is not known. */
const PATIENCE_MS = 250;

/** A moment in the log from which on everything is received. */
export interface Moment {
  readonly position: bigint;
  /** Which following of the log it belongs to: positions of another may be those of another log. */
  readonly following: object;
}

/** One following of the log, without a gap. */
interface Following {
  /** Everything after this position has been received, up to the last of {@link recent}. */
  since: bigint;
  /** Position of each stream's last event after that; the one that changed longest ago comes first. */
  readonly changed: Map<StreamName, bigint>;
  /** The last events in order: position and stream. */
  readonly recent: Map<bigint, StreamName>;
}

/**
 * Knows which streams have *not* changed, from having received the log in order and without a gap
 * (`follow-stream-changes.ts`). It never says so of a part of the log that it has not received: what is not known
 * counts as changed, and is to be read.
 */
export class StreamChanges {
  #following: Following | undefined;
  readonly #waiting = new Map<bigint, Set<() => void>>();

  /** From now on every event after this position is {@link receive}d. */
  start(after: bigint): void {
    this.#following = { since: after, changed: new Map(), recent: new Map() };
  }

  /** Events may be missed from now on. */
  stop(): void {
    this.#following = undefined;
  }

  /** The next events of the log, in its order. */
  receive(changes: readonly Change[]): void {
    const following = this.#following;
    if (!following) return;
    const { changed, recent } = following;
    for (const { stream, position } of changes) {
      changed.delete(stream);
      changed.set(stream, position);
      recent.set(position, stream);
      for (const wake of this.#waiting.get(position) ?? []) wake();
      this.#waiting.delete(position);
    }
    forgetOldest(recent, MOST_RECENT);
    const forgotten = forgetOldest(changed, MOST_STREAMS);
    if (forgotten !== undefined) following.since = forgotten;
  }

  /** The present following, to be known again. */
  get following(): object | undefined {
    return this.#following;
  }

  /**
   * The moment at which an event was stored; nothing when what came after it may have been missed.
   * @param before the {@link following} as it was before the event was stored
   */
  momentOf({ position }: Pick<Change, 'position'>, before: object | undefined): Moment | undefined {
    const following = this.#following;
    return following && following === before && following.since <= position ? { position, following } : undefined;
  }

  /**
   * Whether nothing was stored on a stream after a moment, as the log stood when an event was stored that the caller
   * knows of; waits a little until that event is received. False: it has changed, or that is not known.
   */
  async isUnchanged(stream: StreamName, since: Moment, asOf: Change): Promise<boolean> {
    if (!this.#knowsAllAfter(since)) return false;
    if (!this.#following?.recent.has(asOf.position)) await this.#received(asOf.position);
    // Asked again: following may have ended, or have begun anew, meanwhile.
    if (!this.#knowsAllAfter(since)) return false;
    const { changed, recent } = this.#following as Following;
    return recent.get(asOf.position) === asOf.stream && (changed.get(stream) ?? -1n) <= since.position;
  }

  #knowsAllAfter({ position, following }: Moment): boolean {
    return this.#following === following && this.#following.since <= position;
  }

  /** Resolves when the event at a position is received, or after a while. */
  #received(position: bigint): Promise<void> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(position) ?? new Set();
      this.#waiting.set(position, waiting);
      const patience = setTimeout(() => {
        waiting.delete(wake);
        if (waiting.size === 0 && this.#waiting.get(position) === waiting) this.#waiting.delete(position);
        resolve();
      }, PATIENCE_MS);
      const wake = (): void => {
        clearTimeout(patience);
        resolve();
      };
      waiting.add(wake);
    });
  }
}
