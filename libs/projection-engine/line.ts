/** Work that is done in order, of which only so much may be waiting. After something failed nothing more is done. */
export class Line {
  readonly #waiting = new Set<Promise<void>>();
  #last: Promise<void> = Promise.resolve();
  #hasFailed = false;

  constructor(private readonly most: number) {}

  /** Adds work as soon as there is room. @throws what earlier work threw */
  async add(work: () => Promise<void>): Promise<void> {
    const [first] = this.#waiting;
    if (first && this.#waiting.size >= this.most) await first;
    if (this.#hasFailed) return this.#last;
    const done = this.#last.then(work);
    this.#last = done;
    this.#waiting.add(done);
    done.then(
      () => this.#waiting.delete(done),
      () => {
        this.#hasFailed = true;
      },
    );
  }

  /** Resolves when all that was added is done. @throws what it threw */
  drained(): Promise<void> {
    return this.#last;
  }
}
