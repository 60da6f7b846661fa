import argon2 from 'argon2';

/** Hashing of passwords with argon2id (RFC 9106). */
export interface Passwords {
  hash(password: string): Promise<string>;
  /**
   * @param hash the account's, or `undefined` for an unknown user or one without a password: the same work is done, and it never matches (L25)
   * @returns `outdated`: it was made with other parameters than today's
   */
  verify(hash: string | undefined, password: string): Promise<{ readonly matches: boolean; readonly outdated: boolean }>;
}

export interface PasswordParameters {
  readonly memoryKiB?: number;
  readonly iterations?: number;
  readonly parallelism?: number;
}

/** Longer ones are refused before they are hashed. */
export const MAX_PASSWORD_LENGTH = 256;
/** Each takes the memory of the parameters: so many at once, the others wait. */
const AT_ONCE = 4;

/** @param parameters OWASP's recommendation (19 MiB, 2 iterations, 1 lane) unless told */
export const createPasswords = ({ memoryKiB = 19_456, iterations = 2, parallelism = 1 }: PasswordParameters = {}): Passwords => {
  const options = { type: argon2.argon2id, memoryCost: memoryKiB, timeCost: iterations, parallelism } as const;
  let running = 0;
  const waiting: (() => void)[] = [];
  const inTurn = async <T>(work: () => Promise<T>): Promise<T> => {
    if (running >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
    else running += 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  };
  const hash = (password: string): Promise<string> => {
    if (password.length > MAX_PASSWORD_LENGTH) throw new RangeError(`A password is at most ${MAX_PASSWORD_LENGTH} characters long`);
    return inTurn(() => argon2.hash(password.normalize('NFKC'), options));
  };
  let dummy: Promise<string> | undefined;
  return {
    hash,
    verify: async (stored, password) => {
      if (password.length > MAX_PASSWORD_LENGTH) return { matches: false, outdated: false };
      dummy ??= hash('the password of nobody');
      const against = stored === undefined || stored === '' ? await dummy : stored;
      const fits = await inTurn(() => argon2.verify(against, password.normalize('NFKC')));
      const matches = fits && against === stored;
      return { matches, outdated: matches && argon2.needsRehash(against, options) };
    },
  };
};
