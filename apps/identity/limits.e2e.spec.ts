import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestIdentityServer } from '#test-support/identity-server.js';
import type { TestIdentityServer } from '#test-support/identity-server.js';

/** A process counts fifty before the shared count learns of them; the second fifty are too many. */
const ENOUGH = 110;

describe('D1: one network that asks without end', () => {
  let server: TestIdentityServer;
  beforeAll(async () => {
    server = await startTestIdentityServer(undefined, 1, {
      LIGATURE_LIMITS: 'request_per_address=50/3600, saml_logout_per_address=50/3600',
    });
  }, 60_000);
  afterAll(() => server.stop());

  const flood = async (path: string, init?: RequestInit): Promise<Response> => {
    for (let i = 0; i < ENOUGH; i += 1) await (await fetch(server.issuer + path, init)).arrayBuffer();
    return fetch(server.issuer + path, init);
  };

  it('is told so by a route of its own limit, and goes on being served by the others', async () => {
    const refused = await flood('/providers/corp/slo', {
      method: 'POST',
      body: new URLSearchParams({ SAMLRequest: 'x' }),
    });
    expect([refused.status, Number(refused.headers.get('retry-after'))]).toEqual([429, expect.any(Number)]);
    expect(await refused.text()).toContain('too_many_requests');
    expect((await fetch(`${server.issuer}/sign-in`)).status).toBe(200);
  });

  it.each(['/sign-in', '/auth', '/api/v1/history'])('is told so by %s', async (path) => {
    const refused = await flood(path, { redirect: 'manual' });
    expect([refused.status, refused.headers.has('retry-after')]).toEqual([429, true]);
  });
});
