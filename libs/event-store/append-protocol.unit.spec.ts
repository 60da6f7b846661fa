import { describe, expect, it } from '@jest/globals';
import { appendUntilKnown } from './append-protocol.js';
import type { AppendOutcome, AppendPort } from './append-protocol.js';

type Try = Awaited<ReturnType<AppendPort['tryAppend']>>;
type After = Awaited<ReturnType<AppendPort['readAfterExpected']>>;

const appended: Try = { kind: 'appended', revision: 6n, position: 60n };
const conflict: Try = { kind: 'conflict', actual: 9n };
const lost = new Error('connection lost');
const unknown: Try = { kind: 'unknown_outcome', cause: lost };
const event = (id: string, revision: bigint) => ({ id, revision, position: revision * 10n });

/** A store that answers as scripted, in order; an answer too few is a defect of the protocol or of the test. */
const run = async (script: { tries: Try[]; reads?: After[]; ids?: string[]; expiresAfter?: number }) => {
  const calls: string[] = [];
  const [tries, reads] = [[...script.tries], [...(script.reads ?? [])]];
  const next = <T>(answers: T[]): T => {
    if (answers.length === 0) throw new Error('asked more often than scripted');
    return answers.shift() as T;
  };
  const port: AppendPort = {
    tryAppend: () => {
      calls.push('append');
      return Promise.resolve(next(tries));
    },
    readAfterExpected: (count) => {
      calls.push(`read ${count}`);
      return Promise.resolve(next(reads));
    },
    pause: () => {
      calls.push('pause');
      return Promise.resolve();
    },
  };
  const outcome: AppendOutcome = await appendUntilKnown(
    script.ids ?? ['a', 'b'],
    port,
    () => calls.length >= (script.expiresAfter ?? 100),
  );
  expect([tries, reads]).toEqual([[], []]);
  return { outcome, calls };
};

describe('the append protocol', () => {
  it('step 2: stored at the first try', async () => {
    expect(await run({ tries: [appended] })).toEqual({ outcome: appended, calls: ['append'] });
  });

  it('step 3: a conflict at the first try is a conflict, with the true revision, and nothing is read', async () => {
    expect(await run({ tries: [conflict] })).toEqual({ outcome: conflict, calls: ['append'] });
  });

  it('step 4: unknown, then success: success, whether or not the first try was stored', async () => {
    expect(await run({ tries: [unknown, appended] })).toEqual({
      outcome: appended,
      calls: ['append', 'pause', 'append'],
    });
  });

  it('step 4: unknown, then a conflict, and all our ids stand there: stored, at the position of the last', async () => {
    expect(await run({ tries: [unknown, conflict], reads: [[event('a', 5n), event('b', 6n)]] })).toEqual({
      outcome: { kind: 'appended', revision: 6n, position: 60n },
      calls: ['append', 'pause', 'append', 'read 2'],
    });
  });

  it.each([
    ['others’ events', [event('x', 5n), event('y', 6n)]],
    ['one event of another', [event('x', 5n)]],
    ['another’s event before ours', [event('x', 5n), event('a', 6n)]],
    ['ours in another order', [event('b', 5n), event('a', 6n)]],
    ['a part of ours', [event('a', 5n)]],
  ])('step 4: unknown, then a conflict, and there stands: %s: not stored, a conflict', async (_title, after) => {
    expect((await run({ tries: [unknown, conflict], reads: [after] })).outcome).toEqual(conflict);
  });

  it('step 4: unknown, then a conflict, and nothing stands there (a fail-over discarded it): still unknown, the same again', async () => {
    expect(await run({ tries: [unknown, conflict, appended], reads: [[]] })).toEqual({
      outcome: appended,
      calls: ['append', 'pause', 'append', 'read 2', 'pause', 'append'],
    });
  });

  it('step 4: unknown, then a conflict, and the leader cannot be read: still unknown, the same again', async () => {
    const ours = [event('a', 5n), event('b', 6n)];
    expect((await run({ tries: [unknown, conflict, conflict], reads: [undefined, ours] })).outcome.kind).toBe(
      'appended',
    );
  });

  it('step 4: a conflict proves nothing after any number of unknown outcomes', async () => {
    expect(
      (await run({ tries: [unknown, unknown, unknown, conflict], reads: [[event('a', 5n), event('b', 6n)]] })).outcome
        .kind,
    ).toBe('appended');
  });

  it('step 4: past the deadline the outcome is unknown, with the cause', async () => {
    expect(await run({ tries: [unknown, unknown], expiresAfter: 3 })).toEqual({
      outcome: { kind: 'unknown', cause: lost },
      calls: ['append', 'pause', 'append'],
    });
  });

  it('step 4: past the deadline it is unknown also after a conflict that proved nothing', async () => {
    expect((await run({ tries: [unknown, conflict], reads: [[]], expiresAfter: 4 })).outcome).toEqual({
      kind: 'unknown',
      cause: lost,
    });
  });

  it('what became known is told although the deadline has passed', async () => {
    expect((await run({ tries: [appended], expiresAfter: 0 })).outcome).toEqual(appended);
    expect((await run({ tries: [conflict], expiresAfter: 0 })).outcome).toEqual(conflict);
  });

  it('a store that throws something else is not hidden', async () => {
    await expect(run({ tries: [] })).rejects.toThrow('asked more often than scripted');
  });
});
