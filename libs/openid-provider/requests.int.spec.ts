import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import * as client from 'openid-client';
import { Browser } from '#test-support/browser.js';
import {
  aPerson,
  APP,
  aRelyingParty,
  authorize,
  signIn,
  startTestOpenIdProvider,
} from '#test-support/open-id-provider.js';
import type { Person, TestOpenIdProvider } from '#test-support/open-id-provider.js';
import { sessionOf } from '#test-support/sessions.js';

describe('what an app may say in its request', () => {
  let op: TestOpenIdProvider;
  let app: client.Configuration;
  let person: Person;
  let browser: Browser;

  beforeAll(async () => {
    op = await startTestOpenIdProvider(2);
    for (const settings of [
      { clientId: 'several', organizations: ['north', 'south'] },
      { clientId: 'pairwise', subjectType: 'pairwise' },
      { clientId: 'pairwise-elsewhere', subjectType: 'pairwise', redirectUris: ['http://localhost:9/callback'] },
    ])
      op.relyingParties.set(settings.clientId, aRelyingParty(settings));
    app = await op.relyingParty('app');
  });
  afterAll(() => op.stop());
  beforeEach(() => {
    person = aPerson();
    op.users.set(person.userId, { email: 'ada@example.com' });
    op.person = person;
    browser = new Browser([APP, 'http://localhost:9']);
  });
  const errorAt = (url: string) => new URL(url).searchParams.get('error');
  const open = async (parameters: Record<string, string>, configuration = app) =>
    browser.open((await authorize(configuration, parameters)).url);
  /** What the sign-in page is told. */
  const interaction = async () => {
    const { rows } = await op.pool.query<{ id: string }>(
      `SELECT id FROM provider.artifacts WHERE model = 'Interaction' ORDER BY expires_at DESC LIMIT 1`,
    );
    return op.instances[0]?.interactionByUid(rows[0]?.id ?? '');
  };

  it('login_hint and idp reach the sign-in page', async () => {
    op.person = undefined;
    await open({ login_hint: 'ada@example.com', idp: 'acme' });
    expect(await interaction()).toMatchObject({ loginHint: 'ada@example.com', idpHint: 'acme', waitsFor: 'login' });
  });

  describe('an app of several organizations (invariant 11)', () => {
    let several: client.Configuration;
    beforeAll(async () => {
      several = await op.relyingParty('several');
    });

    it('the request names one; without a name it is the app’s own', async () => {
      op.person = undefined;
      await open({ organization: 'north' }, several);
      expect(browser.text).toBe('sign-in north');
      await open({}, several);
      expect(browser.text).toBe('sign-in default');
    });

    it('an organization that the app is not of is refused', async () => {
      expect(errorAt(await open({ organization: 'west' }, several))).toBe('invalid_request');
      expect(errorAt(await open({ organization: 'north' }, app))).toBe('invalid_request');
    });

    it('a session of one organization never satisfies a request for another', async () => {
      op.person = aPerson('north');
      op.users.set(op.person.userId, {});
      expect((await signIn(several, browser, { organization: 'north' })).claims()?.sub).toBe(op.person.userId);
      expect(op.issued.at(-1)?.organizationId).toBe('north');
      op.person = undefined;
      await open({ organization: 'south' }, several);
      expect(browser.text).toBe('sign-in south');
      expect(errorAt(await open({ organization: 'south', prompt: 'none' }, several))).toBe('login_required');
      expect(errorAt(await open({ organization: 'north', prompt: 'none' }, several))).toBeNull();
    });
  });

  it('pairwise: a sub of its own for each sector, the same each time, in every answer, and never the user’s id', async () => {
    const [here, elsewhere] = [await op.relyingParty('pairwise'), await op.relyingParty('pairwise-elsewhere')];
    const tokens = await signIn(here, browser);
    const sub = tokens.claims()?.sub ?? '';
    expect(sub).not.toContain(person.userId);
    expect(await client.fetchUserInfo(here, tokens.access_token, sub)).toMatchObject({ sub });
    expect(await client.tokenIntrospection(here, tokens.access_token)).toMatchObject({ active: true, sub });
    expect((await signIn(here, browser)).claims()?.sub).toBe(sub);
    const { url, checks } = await authorize(elsewhere, { redirect_uri: 'http://localhost:9/callback' });
    const other = await client.authorizationCodeGrant(elsewhere, new URL(await browser.open(url)), checks);
    expect(other.claims()?.sub).not.toBe(sub);
    expect(other.claims()?.sub).not.toContain(person.userId);
  });

  it('acr and amr are those of the sign-in (invariant 12)', async () => {
    const [provider] = op.instances;
    const { sessionId } =
      (await provider?.insertPending({
        ...person,
        ...sessionOf,
        acr: 'urn:example:loa2',
        amr: ['mfa'],
        authTime: new Date(),
      })) ?? {};
    expect(await provider?.sessions.activate(sessionId ?? '')).toBeDefined();
    expect(await provider?.sessions.loginOf(sessionId ?? '')).toMatchObject({ acr: 'urn:example:loa2', amr: ['mfa'] });
    expect((await signIn(app, browser)).claims()).toMatchObject({ amr: ['pwd'] });
  });

  it('an acr that is essential and cannot be reached is refused after one try, not asked for ever', async () => {
    const claims = JSON.stringify({ id_token: { acr: { essential: true, values: ['urn:example:loa3'] } } });
    expect(errorAt(await open({ claims }))).toBe('unmet_authentication_requirements');
  });

  it('max_age: the answer says when the person signed in', async () => {
    const tokens = await signIn(app, browser, { max_age: '600' });
    expect(tokens.claims()?.auth_time).toBeGreaterThan(Date.now() / 1_000 - 60);
  });

  it.each([
    ['prompt none with another', { prompt: 'none login' }],
    ['an unknown prompt', { prompt: 'dance' }],
    ['a max_age that is no number', { max_age: 'x' }],
    ['a negative max_age', { max_age: '-1' }],
    ['claims that are no JSON', { claims: 'x' }],
    ['claims of the wrong form', { claims: '{"id_token":{"acr":1}}' }],
    ['a registration', { registration: '{}' }],
    ['a request object', { request: 'x' }],
  ])('bad input: %s is an error that the standard names', async (_what, parameters) => {
    expect(errorAt(await open(parameters))).toMatch(
      /^(invalid_request|registration_not_supported|request_not_supported)$/,
    );
  });

  it('bad input: a parameter that comes twice is refused', async () => {
    const url = new URL((await authorize(app)).url);
    url.searchParams.append('scope', 'openid');
    expect(errorAt(await browser.open(url.href))).toBe('invalid_request');
    const response = await fetch(`${op.issuer}/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'grant_type=client_credentials&grant_type=client_credentials&client_id=app&client_secret=x',
    });
    expect(response.status).toBeGreaterThanOrEqual(400);
  });

  it('a request by POST is the same request, with the session that the browser has', async () => {
    await signIn(app, browser);
    op.person = undefined;
    const { origin, pathname, searchParams } = new URL((await authorize(app)).url);
    expect(
      new URL(await browser.post(`${origin}${pathname}`, Object.fromEntries(searchParams))).searchParams.get('code'),
    ).not.toBeNull();
    const large = await fetch(`${origin}${pathname}`, {
      method: 'POST',
      body: new URLSearchParams({ state: 'x'.repeat(9_000) }),
    });
    expect([large.status, ((await large.json()) as { error: string }).error]).toEqual([400, 'invalid_request']);
    const json = await fetch(`${origin}${pathname}`, {
      method: 'POST',
      body: '{}',
      headers: { 'content-type': 'application/json' },
    });
    expect(json.status).toBe(400);
  });

  it('bad input: a request that is too large is refused', async () => {
    const response = await fetch(`${op.issuer}/token`, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'x'.repeat(200_000) }),
    });
    expect([response.status, ((await response.json()) as { error: string }).error]).toEqual([400, 'invalid_request']);
  });
});
