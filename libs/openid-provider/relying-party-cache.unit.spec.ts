import { describe, expect, it } from '@jest/globals';
import { remainingMs, withDeadline } from '#libs/platform/deadline.js';
import type { RelyingPartySettings } from '#libs/relying-parties/settings.js';
import { rememberRelyingParties } from './relying-party-cache.js';

const settings = { clientId: 'app' } as RelyingPartySettings;
const clock = (): Date => new Date(0);

describe('remembered relying parties', () => {
  it('are looked for once by all who ask at a time', async () => {
    let asked = 0;
    const find = rememberRelyingParties(() => {
      asked += 1;
      return Promise.resolve(settings);
    }, clock);
    expect(await Promise.all([find('app'), find('app'), find('app')])).toEqual([settings, settings, settings]);
    expect(asked).toBe(1);
  });

  it('a request that had no time left makes no other fail', async () => {
    let fail = (): void => undefined;
    const find = rememberRelyingParties(
      () =>
        remainingMs() > 1_000
          ? Promise.resolve(settings)
          : new Promise((_, reject) => (fail = () => reject(new Error('no time was left')))),
      clock,
    );
    const late = withDeadline(1, () => find('app'));
    const other = withDeadline(10_000, () => find('app'));
    fail();
    await expect(late).rejects.toThrow('no time was left');
    expect(await other).toBe(settings);
  });
});
