import { describe, expect, it } from '@jest/globals';
import { askTogether } from './ask-together.js';

/** What was asked together, in order; each answer is given when the test says so. */
const asker = (answerOf: (question: string) => string | Error = (question) => `${question}!`) => {
  const asked: (readonly string[])[] = [];
  const waiting: (() => void)[] = [];
  const told: (() => void)[] = [];
  const ask = askTogether<string, string>(
    async (questions) => {
      asked.push(questions);
      for (const tell of told.splice(0)) tell();
      await new Promise<void>((resolve) => waiting.push(resolve));
      if (questions.includes('nonsense')) throw Object.assign(new Error('nonsense'), { isOfOne: true });
      if (questions.includes('away')) throw new Error('away');
      return questions.map(answerOf);
    },
    (failure) => 'isOfOne' in failure,
  );
  return {
    ask,
    asked,
    untilAsked: async (times: number): Promise<void> => {
      while (asked.length < times) await new Promise<void>((resolve) => told.push(resolve));
    },
    answer: (): void => waiting.shift()?.(),
  };
};

describe('asking together', () => {
  it('what is asked in one turn goes together; what is asked meanwhile, together in the next', async () => {
    const { ask, asked, untilAsked, answer } = asker();
    const first = [ask('a'), ask('b')];
    await untilAsked(1);
    const second = [ask('c'), ask('d'), ask('c')];
    await new Promise((resolve) => setImmediate(resolve));
    expect(asked).toEqual([['a', 'b']]);
    answer();
    expect(await Promise.all(first)).toEqual(['a!', 'b!']);
    await untilAsked(2);
    answer();
    expect(await Promise.all(second)).toEqual(['c!', 'd!', 'c!']);
    expect(asked).toEqual([
      ['a', 'b'],
      ['c', 'd', 'c'],
    ]);
  });

  it('a slow request keeps the next no longer than a moment', async () => {
    const { ask, asked, untilAsked, answer } = asker();
    const slow = ask('slow');
    await untilAsked(1);
    const next = ask('next');
    await untilAsked(2);
    expect(asked).toEqual([['slow'], ['next']]);
    answer();
    answer();
    expect(await Promise.all([slow, next])).toEqual(['slow!', 'next!']);
  });

  it('nothing is remembered', async () => {
    const { ask, asked, untilAsked, answer } = asker();
    for (let i = 1; i <= 2; i += 1) {
      const asking = ask('a');
      await untilAsked(i);
      answer();
      await asking;
    }
    expect(asked).toEqual([['a'], ['a']]);
  });

  it('one question’s nonsense fails nobody else', async () => {
    const { ask, asked, untilAsked, answer } = asker();
    const asking = Promise.allSettled([ask('a'), ask('nonsense'), ask('b')]);
    for (let i = 1; i <= 4; i += 1) {
      await untilAsked(i);
      answer();
    }
    expect(await asking).toMatchObject([{ value: 'a!' }, { reason: { message: 'nonsense' } }, { value: 'b!' }]);
    expect(asked.slice(1)).toEqual([['a'], ['nonsense'], ['b']]);
  });

  it('a failure that is nobody’s own fails all, once; the next is asked again', async () => {
    const { ask, asked, untilAsked, answer } = asker();
    const asking = Promise.allSettled([ask('a'), ask('away')]);
    await untilAsked(1);
    answer();
    expect(await asking).toMatchObject([{ reason: { message: 'away' } }, { reason: { message: 'away' } }]);
    const next = ask('b');
    await untilAsked(2);
    answer();
    expect([await next, asked.length]).toEqual(['b!', 2]);
  });

  it('an answer may be a question’s own error', async () => {
    const { ask, untilAsked, answer } = asker((question) => (question === 'b' ? new Error('not b') : question));
    const asking = Promise.allSettled([ask('a'), ask('b')]);
    await untilAsked(1);
    answer();
    expect(await asking).toMatchObject([{ value: 'a' }, { reason: { message: 'not b' } }]);
  });
});
