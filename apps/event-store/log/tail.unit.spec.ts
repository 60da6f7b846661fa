import { describe, expect, it } from '@jest/globals';
import type { StoredEvent } from './event.js';
import { LogTail } from './tail.js';

const at = (n: number, bytes = 0): StoredEvent => ({
  position: BigInt(n) * 64n,
  stream: 's',
  revision: BigInt(n),
  id: String(n),
  type: 'T',
  isJson: true,
  data: new Uint8Array(bytes),
  metadata: new Uint8Array(0),
  createdMs: 0,
});
const range = (from: number, to: number): StoredEvent[] =>
  Array.from({ length: to - from + 1 }, (_, n) => at(from + n));
const after = (tail: LogTail, n: number): number[] | undefined =>
  tail.after(BigInt(n) * 64n)?.map((event) => Number(event.revision));

describe('the tail of the log', () => {
  it('has what was committed after a position', () => {
    const tail = new LogTail();
    tail.append(range(1, 5));
    expect(tail.end).toBe(320n);
    expect(after(tail, 0)).toEqual([1, 2, 3, 4, 5]);
    expect(after(tail, 3)).toEqual([4, 5]);
    expect(after(tail, 5)).toEqual([]);
    expect(tail.after(200n)?.map((event) => event.position)).toEqual([256n, 320n]);
  });

  it('says that it does not reach back when it does not, rather than leaving something out', () => {
    const tail = new LogTail(4);
    tail.append(range(1, 5));
    expect(after(tail, 0)).toEqual([1, 2, 3, 4, 5]);
    tail.append([at(6)]);
    expect(after(tail, 1)).toBeUndefined();
    expect(after(tail, 2)).toEqual([3, 4, 5, 6]);
  });

  it('is bounded by the size of its events as well', () => {
    const tail = new LogTail(100, 10_000);
    tail.append([at(1, 6_000), at(2, 6_000), at(3, 10)]);
    expect(after(tail, 0)).toBeUndefined();
    expect(after(tail, 1)).toEqual([2, 3]);
    tail.append([at(4, 20_000)]);
    expect(after(tail, 3)).toBeUndefined();
    expect(after(tail, 4)).toEqual([]);
  });

  it('after a reset reaches back to where it began again', () => {
    const tail = new LogTail();
    tail.append(range(1, 3));
    tail.reset(640n);
    expect(after(tail, 3)).toBeUndefined();
    tail.append([at(11)]);
    expect(after(tail, 10)).toEqual([11]);
  });
});

describe('waiting for the log to grow', () => {
  const settled = async (promise: Promise<void>): Promise<boolean> =>
    Promise.race([promise.then(() => true), new Promise<boolean>((resolve) => setImmediate(() => resolve(false)))]);

  it('ends with the next commit', async () => {
    const tail = new LogTail();
    const waiting = tail.waitBeyond(0n, new AbortController().signal);
    expect(await settled(waiting)).toBe(false);
    tail.append([at(1)]);
    expect(await settled(waiting)).toBe(true);
  });

  it('goes on when the tail starts again at the same place', async () => {
    const tail = new LogTail();
    const waiting = tail.waitBeyond(0n, new AbortController().signal);
    tail.reset(0n);
    expect(await settled(waiting)).toBe(false);
    tail.reset(64n);
    expect(await settled(waiting)).toBe(true);
  });

  it('ends when it is given up', async () => {
    const controller = new AbortController();
    const waiting = new LogTail().waitBeyond(0n, controller.signal);
    controller.abort();
    expect(await settled(waiting)).toBe(true);
  });
});
