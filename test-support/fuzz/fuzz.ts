/** In [0, 1), seeded. */
export type Random = () => number;

/**
 * What became of one mutated input. `genuine`: it says what the provider said. `accepted`: somebody got in by something
 * else.
 */
export interface FuzzOutcome {
  readonly outcome: 'refused' | 'genuine' | 'accepted';
  readonly detail: string;
  /** As it was sent. */
  readonly input: string;
}

/** Something that takes what strangers and providers send. A throw is a crash: every bad input has an answer. */
export interface FuzzTarget {
  readonly name: string;
  try(random: Random): Promise<FuzzOutcome>;
  stop(): Promise<void>;
}

export interface FuzzReport {
  readonly target: string;
  readonly tried: number;
  readonly refused: number;
  readonly genuine: number;
  readonly accepted: readonly FuzzOutcome[];
  readonly crashes: readonly { readonly input: string; readonly error: string }[];
  /** Of the slowest try. */
  readonly slowestMs: number;
}

/** mulberry32: small, fast, and the same everywhere. */
export const seeded = (seed: number): Random => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

export const pick = <T>(random: Random, from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;

const SNIPPETS = [
  '"',
  '\\',
  '{',
  '}',
  '[',
  ',',
  ':',
  'null',
  '0',
  '-1',
  '1e999',
  '\u0000',
  '\ud800',
  '\u202e',
  '\r\n',
  '__proto__',
  '.',
  '..',
  '=',
  '%00',
  'é',
];

/** A text in which something is another character, gone, too much, cut off, or there twice. */
export const mutatedText = (random: Random, text: string): string => {
  const at = Math.floor(random() * (text.length + 1));
  const length = 1 + Math.floor(random() * 20);
  switch (Math.floor(random() * 5)) {
    case 0:
      return text.slice(0, at) + String.fromCharCode(32 + Math.floor(random() * 95)) + text.slice(at + 1);
    case 1:
      return text.slice(0, at) + text.slice(at + length);
    case 2:
      return text.slice(0, at) + pick(random, SNIPPETS) + text.slice(at);
    case 3:
      return text.slice(0, at);
    default:
      return text.slice(0, at) + text.slice(at, at + length).repeat(1 + Math.floor(random() * 3)) + text.slice(at);
  }
};

/** Values of every type, none of which anybody expects. */
export const strangeValue = (random: Random): unknown =>
  pick<unknown>(random, [
    null,
    true,
    false,
    0,
    -1,
    1.5,
    9e99,
    '',
    ' ',
    'x',
    '\u0000',
    '\ud800',
    'x'.repeat(5_000),
    [],
    [null],
    {},
    { length: 1 },
    [[[]]],
    '__proto__',
  ]);

/** Runs a target. Errors that nobody awaited count as crashes, too. */
export const fuzz = async (target: FuzzTarget, tries: number, seed: number): Promise<FuzzReport> => {
  const random = seeded(seed);
  const accepted: FuzzOutcome[] = [];
  const crashes: { input: string; error: string }[] = [];
  const stray = (error: unknown): void => void crashes.push({ input: 'not awaited', error: String(error) });
  process.on('uncaughtException', stray);
  process.on('unhandledRejection', stray);
  const counts = { refused: 0, genuine: 0, accepted: 0 };
  let slowestMs = 0;
  for (let i = 0; i < tries; i += 1) {
    const began = performance.now();
    try {
      const result = await target.try(random);
      counts[result.outcome] += 1;
      if (result.outcome === 'accepted') accepted.push(result);
    } catch (error) {
      crashes.push({ input: `try ${i} of seed ${seed}`, error: String((error as Error).stack) });
    }
    slowestMs = Math.max(slowestMs, performance.now() - began);
  }
  process.off('uncaughtException', stray);
  process.off('unhandledRejection', stray);
  return {
    target: target.name,
    tried: tries,
    refused: counts.refused,
    genuine: counts.genuine,
    accepted,
    crashes,
    slowestMs,
  };
};
