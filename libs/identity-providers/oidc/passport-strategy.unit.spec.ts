import { describe, expect, it } from '@jest/globals';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import passportOpenIdConnect from 'passport-openidconnect';
import { runStrategy } from './passport-strategy.js';
import type { StrategySurroundings } from './passport-strategy.js';

const segment = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

const surroundings = (exchangeCode: StrategySurroundings['exchangeCode']): StrategySurroundings => ({
  issuer: 'https://op.example',
  authorizationEndpoint: 'https://op.example/authorize',
  tokenEndpoint: 'https://op.example/token',
  clientId: 'ligature',
  callbackUrl: 'https://id.example/providers/op/callback',
  scopes: ['openid', 'email'],
  authorizationParameters: { nonce: 'n', code_challenge: 'c', code_challenge_method: 'S256' },
  state: 's',
  nonce: 'n',
  exchangeCode,
});

describe('the hardened strategy', () => {
  it('adds nonce, PKCE and state to the authorization request', async () => {
    const outcome = await runStrategy(
      surroundings(() => Promise.reject(new Error('unused'))),
      {},
    );
    const location = outcome.kind === 'redirect' ? new URL(outcome.location) : undefined;
    expect(Object.fromEntries(location?.searchParams ?? [])).toMatchObject({
      nonce: 'n',
      code_challenge: 'c',
      code_challenge_method: 'S256',
      state: 's',
      scope: 'openid email',
      redirect_uri: 'https://id.example/providers/op/callback',
    });
  });

  it('gives the refusal of the exchange on as it is', async () => {
    const refusal = new Error('ours');
    await expect(
      runStrategy(
        surroundings(() => Promise.reject(refusal)),
        { code: 'c', state: 's' },
      ),
    ).rejects.toBe(refusal);
  });

  it('is still needed: passport-openidconnect alone accepts an unsigned id_token (alg none)', async () => {
    const server = createServer((_request, response) => {
      const claims = { iss: 'https://op.example', aud: 'ligature', sub: 'forged', exp: 9_999_999_999, iat: 1 };
      response.end(JSON.stringify({ access_token: 'x', id_token: `${segment({ alg: 'none' })}.${segment(claims)}.` }));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const bare = new passportOpenIdConnect.Strategy(
      {
        issuer: 'https://op.example',
        authorizationURL: 'https://op.example/authorize',
        tokenURL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
        clientID: 'ligature',
        clientSecret: 's',
        callbackURL: 'https://id.example/cb',
        scope: [],
        skipUserProfile: true,
        store: { store: () => undefined, verify: (_request, _handle, done) => done(null, {} as never) },
      },
      (_issuer, profile, done) => done(null, profile),
    );
    const accepted = await new Promise((resolve, reject) => {
      Object.assign(bare, { success: resolve, fail: reject, error: reject });
      void bare.authenticate({ query: { code: 'c', state: 's' } } as never);
    });
    server.close();
    expect(accepted).toMatchObject({ id: 'forged' });
  });
});
