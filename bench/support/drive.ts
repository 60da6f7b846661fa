export interface Rate {
  readonly perSecond: number;
  readonly latenciesMs: readonly number[];
}

/** Does `step` over and over, `workers` at a time, for a while. */
export const drive = async (
  workers: number,
  durationMs: number,
  step: (worker: number) => Promise<unknown>,
): Promise<Rate> => {
  const latenciesMs: number[] = [];
  const startedMs = performance.now();
  const endMs = startedMs + durationMs;
  const work = async (worker: number): Promise<void> => {
    for (let now = performance.now(); now < endMs;) {
      await step(worker);
      const after = performance.now();
      latenciesMs.push(after - now);
      now = after;
    }
  };
  await Promise.all(Array.from({ length: workers }, (_, worker) => work(worker)));
  return { perSecond: (latenciesMs.length / (performance.now() - startedMs)) * 1000, latenciesMs };
};
