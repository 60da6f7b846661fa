import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomInt } from 'node:crypto';
import { HistoryTheatre, playHistories } from '#test-support/account-histories.js';
import { startTestInstallation } from '#test-support/installation.js';
import type { TestInstallation } from '#test-support/installation.js';

let installation: TestInstallation;
let theatre: HistoryTheatre;
beforeAll(async () => {
  installation = await startTestInstallation();
  theatre = await HistoryTheatre.open(installation);
});
afterAll(async () => {
  await theatre.close();
  await installation.stop();
});

describe('commands on accounts at once, with processes that die or stand still between any two appends', () => {
  it('invariants 1 to 5, 7, 11 and 12 hold at every moment, nothing stays claimed, and every sign-in comes to an end', async () => {
    const seed = randomInt(2 ** 31);
    const { violations, histories } = await playHistories(theatre, { seed, runs: 200, atOnce: 12 });
    expect(violations).toEqual([]);
    expect(histories).toBeGreaterThanOrEqual(200);
  }, 180_000);
});
