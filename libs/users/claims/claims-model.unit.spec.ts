import { expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';

const run = (...args: string[]): { status: number | null; output: string } => {
  const { status, stdout } = spawnSync(process.execPath, ['docs/design/claims.model.mjs', ...args], {
    encoding: 'utf8',
  });
  return { status, output: stdout };
};

it('the claim protocol keeps its invariants in every interleaving and every crash of a few commands', () => {
  const { status, output } = run();
  expect([status, output.match(/invariants hold/g)?.length]).toEqual([0, 9]);
}, 60_000);

it.each(['no-abandon', 'no-check'])('leaving a rule out breaks it: %s', (variant) => {
  const { status, output } = run(variant);
  expect(status).toBe(1);
  expect(output).toContain('BROKEN');
});
