import { describe, expect, it } from '@jest/globals';
import { createPasswords } from './passwords.js';

const cheap = { memoryKiB: 1_024, iterations: 2 };

describe('passwords', () => {
  const passwords = createPasswords(cheap);

  it('hashes with argon2id under its parameters, salted', async () => {
    const [one, two] = [await passwords.hash('a horse that nobody knows'), await passwords.hash('a horse that nobody knows')];
    expect(one).toMatch(/^\$argon2id\$v=19\$m=1024,p=1,t=2\$/);
    expect(one).not.toBe(two);
  });
  it('matches the password and no other', async () => {
    const hash = await passwords.hash('a horse that nobody knows');
    expect(await passwords.verify(hash, 'a horse that nobody knows')).toEqual({ matches: true, outdated: false });
    expect(await passwords.verify(hash, 'a horse that nobody knows ')).toEqual({ matches: false, outdated: false });
  });
  it('compares what people mean, not how a keyboard wrote it (NIST SP 800-63B, section 5.1.1.2)', async () => {
    const hash = await passwords.hash('cafe\u0301 au lait');
    expect((await passwords.verify(hash, 'caf\u00e9 au lait')).matches).toBe(true);
  });
  it('says which hashes were made with other parameters', async () => {
    const old = await createPasswords({ ...cheap, iterations: 3 }).hash('a horse that nobody knows');
    expect(await passwords.verify(old, 'a horse that nobody knows')).toEqual({ matches: true, outdated: true });
  });
  it('L25: without a hash nothing matches, not even the password of the dummy', async () => {
    for (const password of ['the password of nobody', '', 'x'])
      expect(await passwords.verify(undefined, password)).toEqual({ matches: false, outdated: false });
  });
  it('refuses to hash what is too long, and never matches it', async () => {
    await expect(async () => passwords.hash('x'.repeat(257))).rejects.toThrow(RangeError);
    expect((await passwords.verify(await passwords.hash('x'.repeat(256)), 'x'.repeat(257))).matches).toBe(false);
  });
  it('answers everybody, however many ask at once', async () => {
    const hash = await passwords.hash('a horse that nobody knows');
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => passwords.verify(hash, i % 2 === 0 ? 'a horse that nobody knows' : 'no')),
    );
    expect(answers.map(({ matches }) => matches)).toEqual(Array.from({ length: 20 }, (_, i) => i % 2 === 0));
  });
});
