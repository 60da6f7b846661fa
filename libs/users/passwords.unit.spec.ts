import { describe, expect, it } from '@jest/globals';
import { createPasswords, MAX_PASSWORD_LENGTH, PasswordsOverloadedError } from './passwords.js';

const QUICK = { memoryKiB: 1_024, iterations: 1 } as const;

describe('passwords', () => {
  it('are hashed with argon2id and OWASP’s parameters unless told otherwise, each with a salt of its own', async () => {
    const passwords = createPasswords();
    const [one, other] = await Promise.all([
      passwords.hash('correct horse battery'),
      passwords.hash('correct horse battery'),
    ]);
    expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,p=1,t=2\$/);
    expect(one).not.toBe(other);
    expect(await passwords.verify(one, 'correct horse battery')).toEqual({ matches: true, outdated: false });
    expect(await passwords.verify(one, 'Correct horse battery')).toEqual({ matches: false, outdated: false });
  });

  it('that match are outdated when the parameters are other ones today', async () => {
    const hash = await createPasswords(QUICK).hash('correct horse battery');
    const today = createPasswords({ ...QUICK, iterations: 2 });
    expect(await today.verify(hash, 'correct horse battery')).toEqual({ matches: true, outdated: true });
    expect(await today.verify(hash, 'another horse battery')).toEqual({ matches: false, outdated: false });
  });

  it('are the same in every Unicode form of the same characters', async () => {
    const passwords = createPasswords(QUICK);
    const hash = await passwords.hash('Ångström ﬁt ５');
    expect((await passwords.verify(hash, 'Ångström fit 5')).matches).toBe(true);
    expect((await passwords.verify(hash, 'A\u030angstro\u0308m fit 5')).matches).toBe(true);
  });

  it('L25: nobody’s password never matches, the hash of nothing and an empty hash included', async () => {
    const passwords = createPasswords(QUICK);
    for (const stored of [undefined, ''])
      for (const password of ['', 'correct horse battery', 'the password of nobody'])
        expect(await passwords.verify(stored, password)).toEqual({ matches: false, outdated: false });
  });

  it('L25: the work for an unknown user is the work for a known one, from the first time on', async () => {
    const parameters = { memoryKiB: 32_768, iterations: 3 };
    const hash = await createPasswords(parameters).hash('correct horse battery');
    const timeOf = async (stored: string | undefined): Promise<number> => {
      const times: number[] = [];
      for (let i = 0; i < 7; i += 1) {
        const passwords = createPasswords(parameters);
        const begun = performance.now();
        await passwords.verify(stored, 'another horse battery');
        times.push(performance.now() - begun);
      }
      return times.sort((a, b) => a - b)[1] ?? 0;
    };
    const [known, unknown] = [await timeOf(hash), await timeOf(undefined)];
    expect(unknown / known).toBeGreaterThan(0.6);
    expect(unknown / known).toBeLessThan(1.6);
  });

  it('of more than 256 code units are refused before any work', async () => {
    const passwords = createPasswords({ ...QUICK, atOnce: 1, waiting: 0 });
    const hash = await passwords.hash('x'.repeat(MAX_PASSWORD_LENGTH));
    expect((await passwords.verify(hash, 'x'.repeat(MAX_PASSWORD_LENGTH))).matches).toBe(true);
    const busy = passwords.hash('correct horse battery');
    await expect(passwords.hash('x'.repeat(MAX_PASSWORD_LENGTH + 1))).rejects.toThrow(RangeError);
    expect(await passwords.verify(hash, 'x'.repeat(MAX_PASSWORD_LENGTH + 1))).toEqual({
      matches: false,
      outdated: false,
    });
    await busy;
  });

  it('are hashed so many at a time; so many wait for their turn, and the rest is told to come again', async () => {
    const passwords = createPasswords({ ...QUICK, atOnce: 2, waiting: 3 });
    const answers = await Promise.allSettled(
      Array.from({ length: 8 }, () => passwords.verify(undefined, 'correct horse battery')),
    );
    expect(answers.map(({ status }) => status)).toEqual([
      ...Array<string>(5).fill('fulfilled'),
      ...Array<string>(3).fill('rejected'),
    ]);
    for (const answer of answers)
      if (answer.status === 'rejected') expect(answer.reason).toBeInstanceOf(PasswordsOverloadedError);
    const later = await Promise.all(Array.from({ length: 5 }, () => passwords.hash('correct horse battery')));
    expect(new Set(later).size).toBe(5);
  });

  it('give their turn back when one fails', async () => {
    const passwords = createPasswords({ ...QUICK, atOnce: 1, waiting: 1 });
    for (let i = 0; i < 3; i += 1)
      await expect(passwords.verify('no hash at all', 'correct horse battery')).rejects.toThrow();
    expect(
      (await passwords.verify(await passwords.hash('correct horse battery'), 'correct horse battery')).matches,
    ).toBe(true);
  });
});
