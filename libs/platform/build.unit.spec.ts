import { expect, it } from '@jest/globals';
import { nameBuild } from './build.js';

it('the same code has the same name', async () => {
  const name = await nameBuild();
  expect(name).toMatch(/^[0-9a-f]{16}$/);
  expect(await nameBuild()).toBe(name);
});
