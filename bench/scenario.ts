/** What one measure found: figures, and how they compare to the baselines measured in the same run. */
export interface Measurement {
  /**
   * This product over the baseline, by the baseline's name; medians of the runs. The first one is the scenario's ratio.
   */
  readonly ratios: Readonly<Record<string, number>>;
  /** Named figures with their unit in the name. */
  readonly figures: Readonly<Record<string, number>>;
  /** How many times everything was measured. */
  readonly runs: number;
}

/** A measure of `npm run bench`. Each states what it runs on, so that its figures can be compared. */
export interface Scenario {
  readonly name: string;
  /** What runs, against what: processes, store, sizes, durability. */
  readonly states: string;
  /** The ratio or figure to reach, in words. */
  readonly goal: string;
  /** @param report progress, for whoever waits */
  readonly measure: (report: (line: string) => void) => Promise<Measurement>;
}

/** The middle one; of an even number, the mean of the two in the middle. */
export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low = NaN, high = NaN] =
    sorted.length % 2 === 1 ? [sorted[middle], sorted[middle]] : [sorted[middle - 1], sorted[middle]];
  return (low + high) / 2;
};

/** @param share 0.99 for the p99 */
export const percentile = (values: readonly number[], share: number): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? NaN;
};

/** To as many digits as a noisy figure deserves. */
export const rounded = (value: number): number => (value >= 100 ? Math.round(value) : Number(value.toPrecision(3)));
