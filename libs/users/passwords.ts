import { randomBytes } from 'node:crypto';
import argon2 from 'argon2';
import { z } from 'zod';

/** Hashing of passwords with argon2id (RFC 9106), in Unicode's form NFKC (NIST SP 800-63B, section 5.1.1.2). */
export interface Passwords {
  /**
   * @returns in PHC string format, with salt and parameters
   * @throws {RangeError} for one longer than {@link MAX_PASSWORD_LENGTH} @throws {PasswordsOverloadedError}
   */
  hash(password: string): Promise<string>;
  /**
   * @param hash the account's, or `undefined` for an unknown user or one without a password: the same work is done, and
   * it never matches (L25)
   * @returns `outdated`: it matches and was made with other parameters than today's
   * @throws {PasswordsOverloadedError}
   */
  verify(
    hash: string | undefined,
    password: string,
  ): Promise<{ readonly matches: boolean; readonly outdated: boolean }>;
}

export interface PasswordParameters {
  readonly memoryKiB?: number;
  readonly iterations?: number;
  readonly parallelism?: number;
  /**
   * How many are hashed at once; each takes the memory of the parameters. Half of libuv's threads unless told: files
   * and names need some too.
   */
  readonly atOnce?: number;
  /** How many more may wait for their turn; 100 unless told. */
  readonly waiting?: number;
}

/** The environment of password hashing: argon2id's parameters, none weaker than the least that OWASP names. */
export const passwordShape = {
  LIGATURE_ARGON2_MEMORY_KIB: z.coerce.number().int().min(7_168).max(4_194_304).default(19_456),
  LIGATURE_ARGON2_ITERATIONS: z.coerce.number().int().min(1).max(100).default(2),
  LIGATURE_ARGON2_PARALLELISM: z.coerce.number().int().min(1).max(64).default(1),
} as const;

/** In UTF-16 code units. Longer ones are refused before they are hashed. */
export const MAX_PASSWORD_LENGTH = 256;

/** More passwords are waiting to be hashed than can be in good time. Try again. */
export class PasswordsOverloadedError extends Error {
  readonly code = 'overloaded';
  constructor() {
    super('Too many passwords are being checked at once');
  }
}

const halfOfLibuvsThreads = (): number => Math.max(1, Math.floor(Number(process.env.UV_THREADPOOL_SIZE ?? 4) / 2));

/** Runs so many at once, lets so many wait, and refuses the rest. */
const inTurns = (atOnce: number, mayWait: number): (<T>(work: () => Promise<T>) => Promise<T>) => {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running < atOnce) running += 1;
    else if (waiting.length >= mayWait) throw new PasswordsOverloadedError();
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      // Whoever is next takes over this turn.
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  };
};

/** @param parameters OWASP's recommendation (19 MiB, 2 iterations, 1 lane) unless told */
export const createPasswords = ({
  memoryKiB = 19_456,
  iterations = 2,
  parallelism = 1,
  atOnce = halfOfLibuvsThreads(),
  waiting = 100,
}: PasswordParameters = {}): Passwords => {
  const options = { type: argon2.argon2id, memoryCost: memoryKiB, timeCost: iterations, parallelism } as const;
  const inTurn = inTurns(atOnce, waiting);
  const unpadded = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '');
  /** The hash of nothing: costs what a real one costs from the first time on. */
  const dummy = `$argon2id$v=19$m=${memoryKiB},t=${iterations},p=${parallelism}$${unpadded(randomBytes(16))}$${unpadded(randomBytes(32))}`;
  return {
    hash: async (password) => {
      if (password.length > MAX_PASSWORD_LENGTH)
        throw new RangeError(`A password is at most ${MAX_PASSWORD_LENGTH} code units long`);
      return inTurn(() => argon2.hash(password.normalize('NFKC'), options));
    },
    verify: async (stored, password) => {
      // Known before anything is looked up, and so the same for everybody.
      if (password.length > MAX_PASSWORD_LENGTH) return { matches: false, outdated: false };
      const against = stored === undefined || stored === '' ? dummy : stored;
      const fits = await inTurn(() => argon2.verify(against, password.normalize('NFKC')));
      const matches = fits && against === stored;
      return { matches, outdated: matches && argon2.needsRehash(against, options) };
    },
  };
};
