import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import * as client from 'openid-client';
import { StoreAwayError } from '#libs/event-store/store-errors.js';
import { remainingMs } from '#libs/platform/deadline.js';
import { DEVICE_CODE_GRANT } from '#libs/relying-parties/settings.js';
import type { Branding } from '#libs/web/branding.js';
import { Browser } from '#test-support/browser.js';
import {
  aPerson,
  APP,
  aRelyingParty,
  authorize,
  signIn,
  startTestOpenIdProvider,
} from '#test-support/open-id-provider.js';
import type { TestOpenIdProvider } from '#test-support/open-id-provider.js';

const BRANDINGS = new Map<string, Branding>([
  ['default', { organizationName: 'The Default', accentColor: '#112233' }],
  [
    'north',
    { organizationName: 'North & Sons', logoUrl: 'https://logo.north.example/l.png', backgroundColor: '#aabbcc' },
  ],
  ['south', { organizationName: 'South', logoUrl: 'https://logo.south.example/l.png' }],
]);

describe('the pages of oidc-provider’s own look as the organization’s that they are about', () => {
  let op: TestOpenIdProvider;
  let app: client.Configuration;
  let several: client.Configuration;
  let browser: Browser;

  beforeAll(async () => {
    op = await startTestOpenIdProvider(2, { device_codes_per_address: { points: 1_000, perS: 60 } });
    const device = {
      redirectUris: [],
      grantTypes: [DEVICE_CODE_GRANT],
      tokenEndpointAuthMethod: 'client_secret_basic',
      scopes: ['openid'],
    };
    for (const settings of [
      { clientId: 'southern', organizationId: 'south' },
      { clientId: 'several', organizations: ['north', 'south'] },
      { clientId: 'television', organizations: ['north'], ...device },
    ])
      op.relyingParties.set(settings.clientId, aRelyingParty(settings));
    [app, several] = [await op.relyingParty('app'), await op.relyingParty('several')];
  });
  afterAll(() => op.stop());
  beforeEach(() => {
    op.brandingOf = (id) => Promise.resolve(BRANDINGS.get(id));
    op.person = undefined;
    browser = new Browser([APP]);
  });

  const signInTo = async (organization: string): Promise<void> => {
    op.person = aPerson(organization);
    op.users.set(op.person.userId, {});
    await signIn(several, browser, { organization });
    op.person = undefined;
  };
  /** The name, the logo and its place in the policy, and the colours: all of one organization. */
  const look = () => ({
    name: / · (.*)<\/title>/.exec(browser.html)?.[1],
    logo: /<img src="([^"]*)"/.exec(browser.html)?.[1],
    images: /img-src ([^;]*)/.exec(browser.headers.get('content-security-policy') ?? '')?.[1],
    theme: /\/assets\/theme\/([^"]*)/.exec(browser.html)?.[1],
  });
  const NONE = { logo: undefined, images: undefined, theme: undefined };
  const DEFAULT = { ...NONE, name: 'The Default', theme: '112233-default.css' };
  const NORTH = {
    name: 'North &amp; Sons',
    logo: 'https://logo.north.example/l.png',
    images: 'https://logo.north.example',
    theme: 'default-aabbcc.css',
  };
  const SOUTH = {
    ...NONE,
    name: 'South',
    logo: 'https://logo.south.example/l.png',
    images: 'https://logo.south.example',
  };
  const UNBRANDED = { ...NONE, name: 'Ligature' };

  describe('signing out', () => {
    const signOut = (parameters = '') => browser.open(`${op.issuer}/session/end${parameters}`);

    it.each([
      ['north', NORTH],
      ['south', SOUTH],
      ['default', DEFAULT],
    ] as const)(
      'the question, and the page afterwards, are the organization’s of the session: %s',
      async (organization, expected) => {
        await signInTo(organization);
        await signOut();
        expect([browser.text, look()]).toEqual([expect.stringContaining('Sign out?'), expected]);
        await browser.submit({ logout: 'yes' });
        expect([browser.text, look()]).toEqual([expect.stringContaining('You are signed out'), expected]);
        expect(op.signedOut.at(-1)?.organizationId).toBe(organization);
      },
    );

    it('… whatever app of another organization a link names', async () => {
      await signInTo('north');
      await signOut('?client_id=southern');
      expect(look()).toEqual(NORTH);
      await browser.submit({ logout: 'yes' });
      expect(look()).toEqual(NORTH);
    });

    it('the form may still lead to the app, and to nowhere else', async () => {
      await signInTo('north');
      await signOut(`?client_id=several&post_logout_redirect_uri=${encodeURIComponent(`${APP}/signed-out`)}`);
      expect(browser.headers.get('content-security-policy')).toContain(`form-action 'self' ${APP};`);
      expect(look()).toEqual(NORTH);
      expect(await browser.submit({ logout: 'yes' })).toBe(`${APP}/signed-out`);
    });

    it('a refused request to sign out is the session’s organization’s too', async () => {
      await signInTo('north');
      await signOut('?client_id=southern&post_logout_redirect_uri=https%3A%2F%2Felsewhere.example');
      expect([browser.status, look()]).toEqual([400, NORTH]);
    });

    it('whoever is signed in to nothing sees what the app’s sign-in page shows', async () => {
      await signOut('?client_id=southern');
      await browser.submit({});
      expect([browser.text, look()]).toEqual([expect.stringContaining('You are signed out'), SOUTH]);
    });

    it.each([
      ['one that does not exist', 'your-account-was-stolen'],
      ['what is no slug', 'Your account was stolen'],
      ['nothing', ''],
    ])('%s for an organization names nothing on the page afterwards', async (_what, organization) => {
      await browser.open(`${op.issuer}/session/end/success?organization=${encodeURIComponent(organization)}`);
      expect([browser.status, look()]).toEqual([200, DEFAULT]);
      expect(browser.text).not.toContain('stolen');
    });
  });

  describe('errors', () => {
    const refuse = async (configuration: client.Configuration, parameters: Record<string, string> = {}) =>
      browser.open((await authorize(configuration, { redirect_uri: 'https://elsewhere.example/', ...parameters })).url);

    it('a refused request is the app’s organization’s, also in a session of another', async () => {
      const southern = await op.relyingParty('southern');
      await refuse(southern);
      expect([browser.status, look()]).toEqual([400, SOUTH]);
      await signInTo('north');
      await refuse(southern);
      expect([browser.status, look()]).toEqual([400, SOUTH]);
    });

    it('of an app of several, the one that the request names', async () => {
      await refuse(several, { organization: 'north' });
      expect([browser.status, look()]).toEqual([400, NORTH]);
      await refuse(several);
      expect(look()).toEqual(DEFAULT);
    });

    it('one that the app is not of is never shown', async () => {
      await refuse(app, { organization: 'north' });
      expect([browser.status, look()]).toEqual([400, DEFAULT]);
    });

    it('where there is no app it is the session’s; without one, the default organization’s', async () => {
      await browser.open(`${op.issuer}/auth?client_id=nobody&organization=south`);
      expect([browser.status, look()]).toEqual([400, DEFAULT]);
      await signInTo('north');
      await browser.open(`${op.issuer}/auth?client_id=nobody&organization=south`);
      expect([browser.status, look()]).toEqual([400, NORTH]);
    });
  });

  describe('the device flow', () => {
    const begin = async (parameters: Record<string, string> = {}) =>
      client.initiateDeviceAuthorization(await op.relyingParty('television'), { scope: 'openid', ...parameters });

    it('the page for the code is the session’s organization’s, or the default one’s', async () => {
      await browser.open(`${op.issuer}/device`);
      expect([browser.text, look()]).toEqual([expect.stringContaining('Connect a device'), DEFAULT]);
      await signInTo('north');
      await browser.open(`${op.issuer}/device`);
      expect(look()).toEqual(NORTH);
    });

    it('what is asked, and what was answered, are the organization’s that the device asks for', async () => {
      const device = await begin({ organization: 'north' });
      await browser.open(device.verification_uri);
      await browser.submit({ user_code: device.user_code });
      expect([browser.text, look()]).toEqual([expect.stringContaining(device.user_code), NORTH]);
      op.person = aPerson('north');
      op.users.set(op.person.userId, {});
      await browser.submit({ confirm: 'yes' });
      expect([browser.text, look()]).toEqual([expect.stringContaining('Your device is connected'), NORTH]);
    });

    it('also when the person cancels', async () => {
      const device = await begin({ organization: 'north' });
      await browser.open(device.verification_uri);
      await browser.submit({ user_code: device.user_code });
      await browser.submit({ abort: 'yes' });
      expect([browser.text, look()]).toEqual([expect.stringContaining('Nothing was connected'), NORTH]);
    });

    it('P10: a code that nobody has tells nothing', async () => {
      await browser.open(`${op.issuer}/device`);
      await browser.submit({ user_code: 'BBBB-BBBB' });
      expect([browser.text, look()]).toEqual([expect.stringContaining('is not known'), DEFAULT]);
    });
  });

  describe('E3: while it cannot be looked up, pages appear without it', () => {
    beforeEach(async () => {
      await signInTo('north');
      op.brandingOf = () => Promise.reject(new StoreAwayError());
    });

    it('signing out', async () => {
      await browser.open(`${op.issuer}/session/end`);
      expect([browser.status, browser.text, look()]).toEqual([200, expect.stringContaining('Sign out?'), UNBRANDED]);
      await browser.submit({ logout: 'yes' });
      expect([browser.status, browser.text, look()]).toEqual([
        200,
        expect.stringContaining('You are signed out'),
        UNBRANDED,
      ]);
    });

    it('errors', async () => {
      await browser.open((await authorize(several, { redirect_uri: 'https://elsewhere.example/' })).url);
      expect([browser.status, browser.text, look()]).toEqual([
        400,
        expect.stringContaining('invalid_redirect_uri'),
        UNBRANDED,
      ]);
    });

    it('the device flow', async () => {
      const television = await op.relyingParty('television');
      const device = await client.initiateDeviceAuthorization(television, { scope: 'openid', organization: 'north' });
      await browser.open(device.verification_uri);
      expect([browser.status, look()]).toEqual([200, UNBRANDED]);
      await browser.submit({ user_code: device.user_code });
      expect([browser.status, look()]).toEqual([200, UNBRANDED]);
      await browser.submit({ confirm: 'yes' });
      expect([browser.status, browser.text, look()]).toEqual([
        200,
        expect.stringContaining('Your device is connected'),
        UNBRANDED,
      ]);
    });
  });

  it('E3: a page waits a second for it at most', async () => {
    const patience: number[] = [];
    op.brandingOf = (id) => (patience.push(remainingMs()), Promise.resolve(BRANDINGS.get(id)));
    await browser.open(`${op.issuer}/device`);
    expect(patience).toEqual([expect.any(Number)]);
    expect(Math.max(...patience)).toBeLessThanOrEqual(1_000);
  });

  it('where there is not even a default organization, pages have no look', async () => {
    op.brandingOf = () => Promise.resolve(undefined);
    await browser.open(`${op.issuer}/device`);
    expect([browser.status, look()]).toEqual([200, UNBRANDED]);
  });
});
