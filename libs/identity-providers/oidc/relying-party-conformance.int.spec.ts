import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import type { JWK } from 'jose';
import type { Lies } from '#test-support/hostile-openid-provider.js';
import { UpstreamFlows } from '#test-support/upstream-flows.js';

/*
 * One test per module of the OpenID Foundation's plan `oidcc-client-basic-certification-test-plan`, by the module's
 * name and of its meaning (docs/conformance-relying-party.md).
 */
describe('oidcc-client-basic-certification-test-plan', () => {
  let flows: UpstreamFlows;
  beforeAll(async () => {
    flows = await UpstreamFlows.start();
  });
  afterAll(() => flows.stop());
  beforeEach(() => flows.reset());

  const anotherRsaKey = (): JWK =>
    generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' }) as JWK;
  const withoutKid: Lies['idToken'] = (claims, { key }) =>
    new SignJWT(claims).setProtectedHeader({ alg: 'RS256' }).sign(key);

  it('oidcc-client-test: a correct response of the code flow signs in', async () => {
    expect(await flows.signIn()).toMatchObject({ kind: 'verified', assertion: { subject: 'subject-1' } });
  });

  it('oidcc-client-test-invalid-iss: an id_token of another issuer is refused', async () => {
    expect(await flows.withClaims({ iss: `${flows.provider.issuer}1` })).toBe('issuer_mismatch');
  });

  it('oidcc-client-test-missing-sub: an id_token without sub is refused', async () => {
    expect(await flows.withClaims({ sub: undefined })).toBe('id_token_claims_invalid');
  });

  it('oidcc-client-test-invalid-aud: an id_token for another client is refused', async () => {
    expect(await flows.withClaims({ aud: 'ligature1' })).toBe('audience_mismatch');
  });

  it('oidcc-client-test-missing-iat: an id_token without iat is refused', async () => {
    expect(await flows.withClaims({ iat: undefined })).toBe('id_token_claims_invalid');
  });

  it('oidcc-client-test-kid-absent-single-jwks: without kid, the only key is used', async () => {
    const only = (keys: JWK[]): unknown => ({ keys: keys.map(({ kid: _kid, ...key }) => key) });
    expect(await flows.outcomeWith({ idToken: withoutKid, jwks: only })).toBe('verified');
  });

  it('oidcc-client-test-kid-absent-multiple-jwks: without kid, and several keys that fit, none is guessed (the module allows either)', async () => {
    const several = (keys: JWK[]): unknown => ({
      keys: [...keys.map(({ kid: _kid, ...key }) => key), anotherRsaKey()],
    });
    expect(await flows.outcomeWith({ idToken: withoutKid, jwks: several })).toBe('id_token_signature_invalid');
  });

  it('oidcc-client-test-idtoken-sig-rs256: RS256 is verified, also among keys of other kinds and uses', async () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const among = (keys: JWK[]): unknown => ({
      keys: [
        { ...publicKey.export({ format: 'jwk' }), kid: randomUUID(), alg: 'ES256' },
        { ...anotherRsaKey(), kid: randomUUID(), use: 'enc' },
        ...keys,
      ],
    });
    expect(await flows.outcomeWith({ jwks: among })).toBe('verified');
  });

  it('oidcc-client-test-idtoken-sig-none: an unsigned id_token is refused (the module may be skipped by clients that take none)', async () => {
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    expect(await flows.outcomeWith({ idToken: (claims) => `${part({ alg: 'none' })}.${part(claims)}.` })).toBe(
      'id_token_signature_invalid',
    );
  });

  it('oidcc-client-test-invalid-sig-rs256: an id_token with a wrong RS256 signature is refused', async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const forged: Lies['idToken'] = (claims, { kid }) =>
      new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid }).sign(privateKey);
    expect(await flows.outcomeWith({ idToken: forged })).toBe('id_token_signature_invalid');
  });

  it('oidcc-client-test-userinfo-invalid-sub: UserInfo of another subject is refused', async () => {
    flows.settings = flows.settingsOf({ userInfo: true });
    expect(
      await flows.outcomeWith({
        userInfo: (claims) => JSON.stringify({ ...claims, sub: `${flows.provider.subject}1` }),
      }),
    ).toBe('userinfo_subject_mismatch');
  });

  it('oidcc-client-test-nonce-invalid: an id_token with another nonce is refused', async () => {
    expect(await flows.withClaims({ nonce: 'another' })).toBe('nonce_mismatch');
  });

  it('oidcc-client-test-scope-userinfo-claims: the scopes are asked for, and their claims are taken from UserInfo', async () => {
    flows.settings = flows.settingsOf({ userInfo: true, scopes: ['openid', 'profile', 'email'] });
    flows.provider.lies = {
      claims: ({ email: _email, email_verified: _verified, name: _name, ...claims }) => claims,
      userInfo: (claims) => JSON.stringify({ ...claims, name: 'From UserInfo' }),
    };
    expect(await flows.signIn()).toMatchObject({
      assertion: { claims: { name: 'From UserInfo', email: 'from-userinfo@example.org', emailVerified: true } },
    });
    expect(flows.provider.lastAuthorization.get('scope')?.split(' ').sort()).toEqual(['email', 'openid', 'profile']);
  });

  it('oidcc-client-test-client-secret-basic: the client authenticates by client_secret_basic', async () => {
    flows.settings = flows.settingsOf({ clientSecret: 'a:secret%with reserved' });
    expect(await flows.outcomeWith({})).toBe('verified');
    const { headers, parameters } = flows.provider.lastTokenRequest;
    const [id, secret] = Buffer.from(headers.authorization?.replace(/^Basic /, '') ?? '', 'base64')
      .toString()
      .split(':');
    expect([id, secret]).toEqual(['ligature', 'a%3Asecret%25with+reserved']);
    expect(parameters.has('client_secret')).toBe(false);
  });
});
