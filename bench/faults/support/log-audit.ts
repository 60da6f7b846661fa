import type { ResolvedEvent } from '@eventstore/db-client';

/** Positions of the embedded node are 64, 128, 192, … */
const POSITION_STRIDE = 64n;
const SHOWN = 20;

/** Remembers what clients were told, and holds the log to it. */
export class LogAudit {
  readonly #violations: string[] = [];
  /** Id by stream and revision. */
  readonly #acknowledged = new Map<string, string>();
  /** Id by position. */
  readonly #seen = new Map<bigint, string>();
  #stored = 0;
  #missing = 0;
  #gaps = 0;
  #duplicates = 0;
  #unseen = 0;

  /** An append was answered with success. */
  acknowledged(stream: string, revision: bigint, id: string): void {
    this.#acknowledged.set(`${stream} ${revision}`, id);
  }

  get acknowledgedCount(): number {
    return this.#acknowledged.size;
  }

  /** A subscriber was given this event. */
  seen(position: bigint, id: string): void {
    const before = this.#seen.get(position);
    if (before !== undefined) this.violated(`A subscriber was given position ${position} twice`);
    this.#seen.set(position, id);
  }

  violated(what: string): void {
    this.#violations.push(what);
  }

  /** Reads the whole log and compares. */
  async check(log: AsyncIterable<ResolvedEvent>): Promise<void> {
    const stored = new Map<string, string>();
    const ids = new Set<string>();
    const positions = new Map<bigint, string>();
    const revisions = new Map<string, bigint>();
    let position = 0n;
    for await (const { event } of log) {
      if (event?.position === undefined) continue;
      if (event.position.commit !== position + POSITION_STRIDE)
        this.#gap(`position ${event.position.commit} follows ${position}`);
      position = event.position.commit;
      const last = revisions.get(event.streamId) ?? -1n;
      if (event.revision !== last + 1n) this.#gap(`revision ${event.revision} of ${event.streamId} follows ${last}`);
      revisions.set(event.streamId, event.revision);
      if (ids.has(event.id)) {
        this.#duplicates += 1;
        this.violated(`Event ${event.id} is stored twice`);
      }
      ids.add(event.id);
      stored.set(`${event.streamId} ${event.revision}`, event.id);
      positions.set(position, event.id);
    }
    this.#stored = stored.size;
    for (const [place, id] of this.#acknowledged) {
      if (stored.get(place) === id) continue;
      this.#missing += 1;
      this.violated(`Acknowledged event ${id} is not at ${place}`);
    }
    for (const [at, id] of this.#seen) {
      if (positions.get(at) === id) continue;
      this.#unseen += 1;
      this.violated(`Event ${id}, which a subscriber saw at ${at}, is not there`);
    }
  }

  get violations(): readonly string[] {
    return this.#violations.slice(0, SHOWN);
  }

  get counts(): Readonly<Record<string, number>> {
    return {
      acknowledged: this.#acknowledged.size,
      stored: this.#stored,
      seenBySubscriber: this.#seen.size,
      acknowledgedButMissing: this.#missing,
      gaps: this.#gaps,
      storedTwice: this.#duplicates,
      seenButMissing: this.#unseen,
      violations: this.#violations.length,
    };
  }

  #gap(what: string): void {
    this.#gaps += 1;
    this.violated(`Gap: ${what}`);
  }
}
