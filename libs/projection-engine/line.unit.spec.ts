import { describe, expect, it } from '@jest/globals';
import { Line } from './line.js';

describe('a line', () => {
  const gate = (): { readonly open: () => void; readonly passed: Promise<void> } => {
    let open = (): void => undefined;
    const passed = new Promise<void>((resolve) => (open = resolve));
    return { open, passed };
  };

  it('does its work in order, and lets only so much wait', async () => {
    const line = new Line(2);
    const done: number[] = [];
    const gates = [gate(), gate(), gate()];
    const work = (n: number) => async (): Promise<void> => {
      await gates[n]?.passed;
      done.push(n);
    };
    await line.add(work(0));
    await line.add(work(1));
    let added = false;
    const third = line.add(work(2)).then(() => (added = true));
    gates[1]?.open();
    gates[2]?.open();
    await Promise.resolve();
    expect([added, done]).toEqual([false, []]);
    gates[0]?.open();
    await third;
    await line.drained();
    expect(done).toEqual([0, 1, 2]);
  });

  it('does nothing more after something failed, and says so to whoever adds or waits', async () => {
    const line = new Line(2);
    const done: string[] = [];
    await line.add(() => Promise.reject(new Error('broken')));
    const after = (): Promise<void> => Promise.resolve(void done.push('after'));
    await expect(
      (async () => {
        for (let i = 0; i < 5; i += 1) await line.add(after);
      })(),
    ).rejects.toThrow('broken');
    await expect(line.drained()).rejects.toThrow('broken');
    expect(done).toEqual([]);
  });
});
