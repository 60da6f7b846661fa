import { describe, expect, it } from '@jest/globals';
import { Provider } from 'oidc-provider';
import { loginResult, tellOnlyKnownAuthTimes } from './auth-time.js';

/** Nothing is stored here. */
class NoAdapter {}
const bare = (): Provider =>
  new Provider('https://id.example.org', {
    jwks: { keys: [] },
    adapter: NoAdapter as never,
    features: { devInteractions: { enabled: false } },
  });
const loggedIn = (provider: Provider, loginTs: number | undefined) => {
  const session = new provider.Session();
  session.loginAccount({ accountId: 'ada', ...(loginTs === undefined ? {} : { loginTs }) });
  return session;
};

describe('a sign-in of which nobody knows when the person authenticated', () => {
  it('is one of just now for oidc-provider, where the time is left out: what auth-time.ts is for', () => {
    expect(loggedIn(bare(), undefined).authTime()).toBeGreaterThan(Date.now() / 1_000 - 60);
  });

  it('L33: has no auth_time, and is never fresh', () => {
    const provider = bare();
    tellOnlyKnownAuthTimes(provider);
    const { ts } = loginResult({ accountId: 'ada', amr: [] });
    const session = loggedIn(provider, ts);
    expect([session.authTime(), session.past(1e9)]).toEqual([undefined, true]);
  });

  it('one of which it is known has it', () => {
    const provider = bare();
    tellOnlyKnownAuthTimes(provider);
    const { ts } = loginResult({ accountId: 'ada', amr: [], authTime: 1_700_000_000 });
    expect(loggedIn(provider, ts).authTime()).toBe(1_700_000_000);
  });
});
