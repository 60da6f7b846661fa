import { describe, expect, it } from '@jest/globals';
import { ProviderHealth, withHealth } from './provider-health.js';
import type { IdentityProviderSettings } from './settings.js';
import type { BegunSignIn, UpstreamProtocol, UpstreamRefusal } from './upstream-protocol.js';

const begun: BegunSignIn = { kind: 'redirect', redirectTo: 'https://acme.example' };
const away: UpstreamRefusal = { kind: 'refused', code: 'provider_unreachable', step: 'discovery', detail: '' };

/** A provider that answers as it is told to. */
const sayingTo = () => {
  const told = { begin: begun as BegunSignIn | UpstreamRefusal, complete: away as UpstreamRefusal, asked: 0, now: 0 };
  const protocol: UpstreamProtocol<IdentityProviderSettings, string> = {
    begin: () => ((told.asked += 1), Promise.resolve(told.begin)),
    complete: () => Promise.resolve(told.complete),
  };
  const health = new ProviderHealth(() => new Date(told.now));
  const upstream = withHealth(protocol, health);
  const request = (id: string) => ({ settings: { id } as IdentityProviderSettings, browserId: 'b', callbackUrl: 'c' });
  const begin = async (id = 'acme'): Promise<string> => (await upstream.begin({ ...request(id), intent: 'i' })).kind;
  const complete = async (id = 'acme'): Promise<string> =>
    (await upstream.complete({ ...request(id), parameters: {} })).kind;
  return { told, health, begin, complete };
};

describe('the health of providers', () => {
  it('one that fails three times in a row is not asked for 30 seconds; another one is', async () => {
    const { told, health, begin } = sayingTo();
    told.begin = away;
    for (let i = 0; i < 3; i += 1) await begin();
    expect([health.isUnreachable('acme'), health.isUnreachable('globex')]).toEqual([true, false]);
    told.asked = 0;
    expect([await begin(), told.asked]).toEqual(['refused', 0]);
    told.begin = begun;
    expect(await begin('globex')).toBe('redirect');
  });

  it('after the pause one sign-in tries; when it fails the others go on not waiting, when it works all go on', async () => {
    const { told, health, begin } = sayingTo();
    told.begin = away;
    for (let i = 0; i < 3; i += 1) await begin();
    told.now = 30_000;
    told.asked = 0;
    await Promise.all([begin(), begin(), begin()]);
    expect([told.asked, health.isUnreachable('acme')]).toEqual([1, true]);
    told.now = 60_000;
    told.begin = begun;
    expect([await begin(), await begin(), health.isUnreachable('acme')]).toEqual(['redirect', 'redirect', false]);
  });

  it('one that dies in mid-login is noticed, though every flow can be begun; who comes back is served all the same', async () => {
    const { told, health, begin, complete } = sayingTo();
    for (let i = 0; i < 3; i += 1) expect([await begin(), await complete()]).toEqual(['redirect', 'refused']);
    expect(health.isUnreachable('acme')).toBe(true);
    told.complete = { ...away, code: 'id_token_signature_invalid' };
    expect(await complete()).toBe('refused');
  });

  it('a refusal that is not the provider’s absence is no outage', async () => {
    const { told, health, complete } = sayingTo();
    told.complete = { ...away, code: 'nonce_mismatch' };
    for (let i = 0; i < 5; i += 1) await complete();
    expect(health.isUnreachable('acme')).toBe(false);
  });
});
