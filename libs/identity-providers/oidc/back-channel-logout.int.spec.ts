import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { UpstreamFlows } from '#test-support/upstream-flows.js';

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
const seconds = (offset = 0): number => Math.floor(Date.now() / 1_000) + offset;

describe('logout tokens (OpenID Connect Back-Channel Logout 1.0, section 2.6)', () => {
  let flows: UpstreamFlows;
  beforeAll(async () => {
    flows = await UpstreamFlows.start();
  });
  afterAll(() => flows.stop());
  beforeEach(() => flows.reset());

  const truth = () => ({
    iss: flows.provider.issuer,
    aud: 'ligature',
    sub: 'subject-1',
    sid: 'session-1',
    iat: seconds(),
    exp: seconds(120),
    jti: randomUUID(),
    events: { [EVENT]: {} },
  });
  const outcomeOf = async (token: unknown): Promise<string> => {
    const verified = await flows.logout.verify(flows.settings, token);
    return verified.kind === 'refused' ? verified.code : verified.kind;
  };
  const outcomeWith = async (change: object, typ = 'logout+jwt'): Promise<string> =>
    outcomeOf(await flows.provider.sign({ ...truth(), ...change }, { typ }));

  it('a correct one says who has left, and which session', async () => {
    const claims = truth();
    expect(await flows.logout.verify(flows.settings, await flows.provider.sign(claims, { typ: 'logout+jwt' }))).toEqual(
      {
        kind: 'logout',
        providerId: 'hostile',
        issuer: flows.provider.issuer,
        subject: 'subject-1',
        session: 'session-1',
        messageId: claims.jti,
        expiresAt: new Date(claims.exp * 1_000),
      },
    );
  });

  it.each<[string, object]>([
    ['of sub alone', { sid: undefined }],
    ['of sid alone', { sub: undefined }],
    ['with a member inside the event', { events: { [EVENT]: { more: 1 }, 'urn:example:another': {} } }],
  ])('is taken: one %s', async (_what, change) => {
    expect(await outcomeWith(change)).toBe('logout');
    expect(await outcomeWith(change, 'JWT')).toBe('logout');
  });

  it.each<[string, object, string]>([
    ['of another issuer', { iss: 'https://evil.example' }, 'issuer_mismatch'],
    ['for another client', { aud: 'somebody-else' }, 'audience_mismatch'],
    ['for another client too', { aud: ['ligature', 'somebody-else'] }, 'audience_mismatch'],
    ['expired', { exp: seconds(-120) }, 'token_expired'],
    ['without exp', { exp: undefined }, 'logout_token_claims_invalid'],
    ['that would live for days', { exp: seconds(3 * 24 * 3_600) }, 'logout_token_claims_invalid'],
    ['that would live for ever', { exp: 1e300 }, 'logout_token_claims_invalid'],
    ['without iat', { iat: undefined }, 'logout_token_claims_invalid'],
    ['from the future', { iat: seconds(600), exp: seconds(900) }, 'token_not_yet_valid'],
    ['without jti', { jti: undefined }, 'logout_token_claims_invalid'],
    ['naming nobody', { sub: undefined, sid: undefined }, 'logout_token_claims_invalid'],
    ['with a number for sub', { sub: 1 }, 'logout_token_claims_invalid'],
    ['without events', { events: undefined }, 'logout_token_claims_invalid'],
    ['of another event', { events: { 'urn:example:another': {} } }, 'logout_token_claims_invalid'],
    ['whose event is no object', { events: { [EVENT]: true } }, 'logout_token_claims_invalid'],
    ['with a nonce', { nonce: 'n' }, 'logout_token_claims_invalid'],
    ['with a nonce that is null', { nonce: null }, 'logout_token_claims_invalid'],
  ])('is refused: one %s', async (_what, change, code) => {
    expect(await outcomeWith(change)).toBe(code);
  });

  it('is refused: one that says that it is another kind of token', async () => {
    expect(await outcomeWith({}, 'at+jwt')).toBe('logout_token_claims_invalid');
  });

  it('is refused: an id_token of this provider, and what is no token at all', async () => {
    const idToken = await flows.provider.sign({ ...truth(), events: undefined, nonce: 'n', auth_time: seconds() });
    expect(await outcomeOf(idToken)).toBe('logout_token_claims_invalid');
    for (const nonsense of [undefined, null, 7, '', 'x', 'a.b.c', ['x'], {}, 'x'.repeat(20_000)])
      expect(await outcomeOf(nonsense)).toMatch(/^logout_token_(missing|signature_invalid)$/);
  });

  it('is refused: unsigned, or signed by another key', async () => {
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    expect(await outcomeOf(`${part({ alg: 'none', typ: 'logout+jwt' })}.${part(truth())}.`)).toBe(
      'logout_token_signature_invalid',
    );
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const forged = await new SignJWT(truth()).setProtectedHeader({ alg: 'RS256', typ: 'logout+jwt' }).sign(privateKey);
    expect(await outcomeOf(forged)).toBe('logout_token_signature_invalid');
  });

  it('a logout token is no id_token: it has no nonce', async () => {
    const asIdToken = () => flows.provider.sign(truth(), { typ: 'logout+jwt' });
    expect(await flows.outcomeWith({ idToken: asIdToken })).toBe('id_token_claims_invalid');
  });
});
