import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import * as client from 'openid-client';
import { DEVICE_CODE_GRANT } from '#libs/relying-parties/settings.js';
import { Browser } from '#test-support/browser.js';
import { aPerson, aRelyingParty, startTestOpenIdProvider } from '#test-support/open-id-provider.js';
import type { Person, TestOpenIdProvider } from '#test-support/open-id-provider.js';
import { DEVICE_CODE_TTL_S } from './device-flow.js';

describe('P10: the device flow, on two instances', () => {
  let op: TestOpenIdProvider;
  let television: client.Configuration;
  let person: Person;
  let browser: Browser;

  beforeAll(async () => {
    op = await startTestOpenIdProvider(2, { device_codes_per_address: { points: 1_000, perS: 60 } });
    op.relyingParties.set(
      'television',
      aRelyingParty({
        clientId: 'television',
        displayName: 'Telly & <Co>',
        redirectUris: [],
        grantTypes: [DEVICE_CODE_GRANT, 'refresh_token'],
        tokenEndpointAuthMethod: 'none',
        clientSecret: undefined,
        applicationType: 'native',
        scopes: ['openid', 'profile', 'offline_access'],
      }),
    );
    television = await client.discovery(new URL(op.issuer), 'television', undefined, client.None(), {
      execute: [client.allowInsecureRequests],
    });
  });
  afterAll(() => op.stop());
  beforeEach(() => {
    person = aPerson();
    op.users.set(person.userId, { name: 'Ada' });
    op.person = person;
    op.agrees = true;
    op.onTokensIssued = () => Promise.resolve('stored');
    browser = new Browser();
  });

  const begin = (scope = 'openid profile') => client.initiateDeviceAuthorization(television, { scope });
  const poll = (
    deviceCode: string,
  ): Promise<{ error: string } | { error?: undefined; access_token: string; refresh_token?: string }> =>
    client
      .genericGrantRequest(television, DEVICE_CODE_GRANT, { device_code: deviceCode })
      .catch((error: client.ResponseBodyError) => ({ error: error.error }));
  /** The person types the code, and goes on. */
  const approve = async (userCode: string): Promise<void> => {
    await browser.open(`${op.issuer}/device`);
    await browser.submit({ user_code: userCode });
    await browser.submit({ confirm: 'yes' });
  };

  it('the flow: code, page, sign-in, tokens', async () => {
    const device = await begin();
    expect(device).toMatchObject({
      verification_uri: `${op.issuer}/device`,
      user_code: expect.stringMatching(/^[B-Z]{4}-[B-Z]{4}$/),
    });
    expect(device.expires_in).toBeLessThanOrEqual(DEVICE_CODE_TTL_S);
    expect(await poll(device.device_code)).toEqual({ error: 'authorization_pending' });
    await approve(device.user_code);
    expect(browser.text).toContain('Your device is connected');
    const tokens = await client.pollDeviceAuthorizationGrant(television, { ...device, interval: 0.01 });
    expect(tokens.claims()).toMatchObject({ sub: person.userId, name: 'Ada' });
    expect(op.issued.at(-1)).toMatchObject({ grantType: 'device_code', userId: person.userId, offline: false });
    const refreshed = await client.refreshTokenGrant(television, tokens.refresh_token ?? '');
    expect(await client.fetchUserInfo(television, refreshed.access_token, person.userId)).toMatchObject({
      name: 'Ada',
    });
  });

  it('the page shows which app asks, the code, and a warning, and has no script; the link with the code fills it in only', async () => {
    const device = await begin();
    await browser.open(device.verification_uri_complete ?? '');
    expect(browser.html).toContain(`value="${device.user_code}"`);
    expect(browser.html).not.toContain('<script');
    await browser.submit({ user_code: device.user_code });
    expect(browser.text).toContain('Telly & <Co>');
    expect(browser.text).toContain(device.user_code);
    expect(browser.text).toMatch(/only if you started this yourself/);
    expect(browser.html).not.toContain('<script');
    expect(browser.headers.get('content-security-policy')).toContain(`default-src 'none'`);
    expect(await poll(device.device_code)).toEqual({ error: 'authorization_pending' });
  });

  it('who cancels connects nothing', async () => {
    const device = await begin();
    await browser.open(`${op.issuer}/device`);
    await browser.submit({ user_code: device.user_code });
    await browser.submit({ abort: 'yes' });
    expect(browser.text).toContain('Nothing was connected');
    expect(await poll(device.device_code)).toEqual({ error: 'access_denied' });
  });

  it('a code is good for one person, once, and for its client', async () => {
    const device = await begin();
    await approve(device.user_code);
    await browser.open(`${op.issuer}/device`);
    await browser.submit({ user_code: device.user_code });
    expect(browser.text).toContain('is not known, has expired, or was used');
    expect(await poll(device.device_code)).toMatchObject({ access_token: expect.any(String) });
    expect(await poll(device.device_code)).toEqual({ error: 'invalid_grant' });
  });

  it('of 50 who poll an approved code at once, at most one gets tokens', async () => {
    const device = await begin();
    await approve(device.user_code);
    const answers = await Promise.all(Array.from({ length: 50 }, () => poll(device.device_code)));
    expect(answers.filter(({ error }) => error === undefined)).toHaveLength(1);
    expect(answers.filter(({ error }) => error === 'invalid_grant')).toHaveLength(49);
  });

  it('a code that has expired is worth nothing', async () => {
    const device = await begin();
    await op.pool.query(
      `UPDATE provider.artifacts SET expires_at = now() - interval '1 second', payload = payload || '{"exp": 1}' WHERE model = 'DeviceCode'`,
    );
    await browser.open(`${op.issuer}/device`);
    await browser.submit({ user_code: device.user_code });
    expect(browser.text).toContain('is not known, has expired, or was used');
    expect(await poll(device.device_code)).toMatchObject({
      error: expect.stringMatching(/expired_token|invalid_grant/),
    });
  });

  it('sign-in against revocation: who is deactivated before the device asks gets nothing', async () => {
    const device = await begin();
    await approve(device.user_code);
    await op.instances[0]?.end({ userId: person.userId, openedBefore: 2n }, 'account_deactivated');
    expect(await poll(device.device_code)).toMatchObject({ error: 'invalid_grant' });
  });

  it('a page elsewhere cannot approve: the answer needs the form’s own secret', async () => {
    const device = await begin();
    await browser.open(`${op.issuer}/device`);
    await browser.post(`${op.issuer}/device`, { user_code: device.user_code, confirm: 'yes', xsrf: 'guessed' });
    expect(await poll(device.device_code)).toEqual({ error: 'authorization_pending' });
  });

  it('codes are not guessed: after some that nobody has, no code is looked at from that address, by any instance', async () => {
    const limited = await startTestOpenIdProvider(2, { device_codes_per_address: { points: 5, perS: 60 } });
    try {
      limited.relyingParties.set('television', op.relyingParties.get('television') ?? aRelyingParty());
      const configuration = await client.discovery(new URL(limited.issuer), 'television', undefined, client.None(), {
        execute: [client.allowInsecureRequests],
      });
      const device = await client.initiateDeviceAuthorization(configuration, { scope: 'openid' });
      const guess = async (userCode: string): Promise<number> => {
        await browser.open(`${limited.issuer}/device`);
        await browser.submit({ user_code: userCode });
        return browser.status;
      };
      for (let i = 0; i < 5; i += 1) expect(await guess(`BBBB-BBB${'BCDFG'[i]}`)).toBe(200);
      for (let i = 0; i < 2 * limited.instances.length; i += 1) await guess('CCCC-CCCC');
      expect(await guess(device.user_code)).toBe(429);
      expect(browser.text).toContain('Too many codes were tried');
      expect(browser.text).not.toContain('Telly');
    } finally {
      await limited.stop();
    }
  });
});
