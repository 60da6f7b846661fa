import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from '@jest/globals';
import { aPerson, startTestOpenIdProvider, testOptions } from '#test-support/open-id-provider.js';
import { OpenIdProvider } from './open-id-provider.js';
import { sessionOf } from '#test-support/sessions.js';

it('behind TLS every cookie is Secure and HttpOnly, and the session’s cannot be set by a sibling host (__Host-)', async () => {
  const op = await startTestOpenIdProvider();
  const secure = await OpenIdProvider.create(testOptions('https://id.example', op.pool, op));
  const person = aPerson();
  const server = createServer((request, response) => {
    if (request.url?.startsWith('/auth')) return secure.handler(request, response);
    void (async () => {
      const { sessionId } = await secure.insertPending({ ...person, ...sessionOf, authTime: new Date() });
      await secure.activate(sessionId, request, response);
      response.end();
    })();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    const session = (await fetch(url)).headers.getSetCookie();
    expect(session.map((cookie) => cookie.split('=')[0])).toEqual([
      '__Host-ligature_session',
      '__Host-ligature_session.sig',
    ]);
    const query = new URLSearchParams({
      client_id: 'app',
      response_type: 'code',
      redirect_uri: 'http://127.0.0.1:9/callback',
      scope: 'openid',
      code_challenge: 'x'.repeat(43),
      code_challenge_method: 'S256',
    });
    const interaction = await fetch(`${url}/auth?${query}`, { redirect: 'manual' });
    expect(interaction.status).toBe(303);
    const flow = interaction.headers.getSetCookie();
    expect(flow.map((cookie) => cookie.split('=')[0])).toEqual(
      ['interaction', 'resume'].flatMap((name) => [`__Secure-ligature_${name}`, `__Secure-ligature_${name}.sig`]),
    );
    for (const cookie of [...session, ...flow]) {
      expect(cookie).toMatch(/; secure/i);
      expect(cookie).toMatch(/; httponly/i);
      expect(cookie).toMatch(/; samesite=lax/i);
      expect(cookie).not.toMatch(/; domain/i);
    }
    for (const cookie of session) expect(cookie).toMatch(/; path=\/;/);
  } finally {
    server.close();
    await op.stop();
  }
});
