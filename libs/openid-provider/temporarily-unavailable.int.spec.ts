import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { StoreAwayError } from '#libs/event-store/store-errors.js';
import { CALLBACK, SECRET, startTestOpenIdProvider } from '#test-support/open-id-provider.js';
import type { TestOpenIdProvider } from '#test-support/open-id-provider.js';

let provider: TestOpenIdProvider;
beforeAll(async () => {
  provider = await startTestOpenIdProvider();
  provider.relyingParties.get = () => {
    throw new StoreAwayError();
  };
});
afterAll(() => provider.stop());

it('E3: a client that cannot be looked up now is temporarily unavailable, not unknown (token endpoint)', async () => {
  const response = await fetch(`${provider.issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`app:${SECRET}`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
  });
  expect([response.status, await response.json()]).toEqual([
    503,
    expect.objectContaining({ error: 'temporarily_unavailable' }),
  ]);
});

it('E3: … and at the authorization endpoint: a page with the code, no redirect', async () => {
  const query = new URLSearchParams({
    client_id: 'app',
    redirect_uri: CALLBACK,
    response_type: 'code',
    scope: 'openid',
  });
  const response = await fetch(`${provider.issuer}/auth?${query}`, { redirect: 'manual' });
  expect([response.status, response.headers.get('location')]).toEqual([503, null]);
  expect(await response.text()).toContain('temporarily_unavailable');
});
