import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { HostileOpenIdProvider } from '#test-support/hostile-openid-provider.js';
import { DEFAULT_HTTP_POLICY } from '#libs/platform/guarded-http.js';
import { Reachability } from './reachability.js';
import { identityProviderSettingsSchema } from './settings.js';
import type { IdentityProviderSettings } from './settings.js';

describe('whether a provider answers at all (C7)', () => {
  let provider: HostileOpenIdProvider;
  let settings: IdentityProviderSettings;
  let now: number;
  let asked: number;
  let reachability: Reachability;

  beforeEach(async () => {
    provider = await HostileOpenIdProvider.start();
    settings = identityProviderSettingsSchema.parse({
      id: 'acme',
      kind: 'oidc',
      displayName: 'Acme',
      issuer: provider.issuer,
      clientId: 'ligature',
      scopes: ['openid'],
    });
    [now, asked] = [0, 0];
    answer(200);
    reachability = new Reachability({ ...DEFAULT_HTTP_POLICY, allowLoopback: true }, () => new Date(now));
  });
  afterEach(() => provider.stop());

  const answer = (status: number): void => {
    provider.lies = {
      intercept: (_request, response) => {
        asked += 1;
        response.writeHead(status).end();
        return true;
      },
    };
  };

  it('is asked once for many, and again after a while', async () => {
    expect(await Promise.all(Array.from({ length: 20 }, () => reachability.isUp(settings)))).toEqual(
      Array.from({ length: 20 }, () => true),
    );
    expect(asked).toBe(1);
    now += 6_000;
    answer(503);
    expect(await reachability.isUp(settings)).toBe(false);
    answer(200);
    expect(await reachability.isUp(settings)).toBe(false);
    now += 4_000;
    expect(await reachability.isUp(settings)).toBe(true);
    expect(asked).toBe(3);
  });

  it('one that refuses to say is up all the same', async () => {
    answer(403);
    expect(await reachability.isUp(settings)).toBe(true);
  });

  it('one that is away is down', async () => {
    await provider.stop();
    expect(await reachability.isUp(settings)).toBe(false);
    provider = await HostileOpenIdProvider.start();
  });
});
