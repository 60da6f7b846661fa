/** Why a stream waits: in which organization (none: the installation's own), and what fails alike with it. */
export interface Failure {
  readonly organizationId: string | null;
  /** See `failureOf`. */
  readonly failure: string;
}

/**
 * So many different causes in one organization are not found by a client that varies its input: values can be refused
 * in few ways, times the few event types that hold text.
 */
export const MOST_CAUSES = 20;

/** How many streams have one cause when it is first looked into whether the handlers are at fault; doubled each time. */
export const LOOKED_INTO_FIRST = 32;

/** What is parked in one generation, counted by cause and by organization (security row T2). Pure. */
export class ParkedCauses {
  readonly #failures = new Map<string, Failure>();
  /** Streams by cause. */
  readonly #streams = new Map<string, number>();
  /** Streams by organization and cause. */
  readonly #organizations = new Map<string | null, Map<string, number>>();
  /** By cause: with how many streams it is looked into next. */
  readonly #nextLook = new Map<string, number>();

  constructor(parked: Iterable<readonly [stream: string, failure: Failure]> = []) {
    for (const [stream, failure] of parked) this.set(stream, failure);
  }

  get size(): number {
    return this.#failures.size;
  }

  has(stream: string): boolean {
    return this.#failures.has(stream);
  }

  /** Parks a stream, or changes why it waits. */
  set(stream: string, failure: Failure): void {
    this.delete(stream);
    this.#failures.set(stream, failure);
    const causes = this.#organizations.get(failure.organizationId) ?? new Map<string, number>();
    this.#organizations.set(failure.organizationId, causes);
    count(this.#streams, failure.failure, 1);
    count(causes, failure.failure, 1);
  }

  delete(stream: string): void {
    const failure = this.#failures.get(stream);
    if (!failure) return;
    this.#failures.delete(stream);
    count(this.#streams, failure.failure, -1);
    const causes = this.#organizations.get(failure.organizationId);
    if (causes) count(causes, failure.failure, -1);
  }

  /** How many streams wait for this cause, whosever they are. */
  streamsOf(failure: string): number {
    return this.#streams.get(failure) ?? 0;
  }

  /**
   * Whether it is to be looked into, before another stream is parked with this cause, that the handlers are at fault: at
   * the 32nd, and then whenever there are twice as many as the last time, so that looking costs the less the more a
   * client sends.
   */
  isToBeLookedInto(failure: string): boolean {
    return this.streamsOf(failure) + 1 >= (this.#nextLook.get(failure) ?? LOOKED_INTO_FIRST);
  }

  /** It was looked into, and the handlers are not at fault. */
  noteLookedInto(failure: string): void {
    this.#nextLook.set(failure, 2 * (this.streamsOf(failure) + 1));
  }

  /**
   * Whether, with another failure, events fail in so many different ways in more than half of the organizations that
   * no client's input explains it. What happens in one organization is never enough where there are others. What belongs
   * to none counts where no organization is known.
   * @param organizations of which the read model has had events, that of the failure included
   */
  isDefectWith({ organizationId, failure }: Failure, organizations: ReadonlySet<string>): boolean {
    const counted = organizations.size > 0 ? [...organizations] : [null];
    const broken = counted.filter((each) => {
      const causes = this.#organizations.get(each);
      const isNew = each === organizationId && !causes?.has(failure);
      return (causes?.size ?? 0) + (isNew ? 1 : 0) >= MOST_CAUSES;
    });
    return broken.length * 2 > counted.length;
  }
}

const count = (counts: Map<string, number>, key: string, change: 1 | -1): void => {
  const changed = (counts.get(key) ?? 0) + change;
  if (changed === 0) counts.delete(key);
  else counts.set(key, changed);
};
