import { describe, expect, it } from '@jest/globals';
import { deviceOf } from './device.js';

describe('what a person may recognize a device by', () => {
  it.each([
    ['Mozilla/5.0 (X11; Linux x86_64; rv:146.0) Gecko/20100101 Firefox/146.0', 'Firefox', 'Linux'],
    [
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.1 Safari/605.1.15',
      'Safari',
      'macOS',
    ],
    [
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36 Edg/143.0.0.0',
      'Microsoft Edge',
      'Windows',
    ],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1',
      'Safari',
      'iOS',
    ],
    ['curl/8.7.1', undefined, undefined],
    ['', undefined, undefined],
    [undefined, undefined, undefined],
  ])('%p', (userAgent, browser, system) => {
    const device = deviceOf(userAgent);
    if (browser === undefined) expect(device.system).toBeUndefined();
    else expect(device).toEqual({ browser, system });
  });

  it('no user agent that a stranger makes up takes long or fails', () => {
    for (const userAgent of ['('.repeat(512), 'a'.repeat(512), 'Version/'.repeat(64), '\0', '<script>'])
      expect(() => deviceOf(userAgent)).not.toThrow();
  });
});
