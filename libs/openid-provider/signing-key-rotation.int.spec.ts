import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { decodeProtectedHeader } from 'jose';
import * as client from 'openid-client';
import { Browser } from '#test-support/browser.js';
import { aPerson, APP, aRelyingParty, signIn, startTestOpenIdProvider } from '#test-support/open-id-provider.js';
import type { TestOpenIdProvider } from '#test-support/open-id-provider.js';
import { HINTS_LIVE_MS, LEAD_MS, TOKENS_LIVE_MS } from './signing-key-schedule.js';
import { requestRotation, rotationDone } from './signing-keys.postgres.js';

let op: TestOpenIdProvider;
beforeAll(async () => {
  op = await startTestOpenIdProvider(2);
  op.relyingParties.set(
    'robot',
    aRelyingParty({
      clientId: 'robot',
      grantTypes: ['client_credentials'],
      redirectUris: [],
      scopes: ['history:read'],
    }),
  );
});
afterAll(() => op.stop());

/** Time passes for signing keys only: tokens of people live on. */
const pass = async (ms: number): Promise<void> => {
  await op.pool.query('UPDATE provider.signing_keys SET signs_from = signs_from - make_interval(secs => $1)', [
    ms / 1_000,
  ]);
  await work();
};
const work = () => Promise.all(op.instances.map((instance) => instance.turnKeys()));
const published = async (): Promise<string[]> => {
  const answers = await Promise.all(
    op.instances.map(async () =>
      ((await (await fetch(`${op.issuer}/jwks`)).json()) as { keys: { kid: string }[] }).keys
        .map(({ kid }) => kid)
        .sort(),
    ),
  );
  expect(new Set(answers.map((answer) => answer.join())).size).toBe(1);
  return answers[0] ?? [];
};
const robotToken = async (): Promise<string> =>
  (await client.clientCredentialsGrant(await op.relyingParty('robot'), { scope: 'history:read' })).access_token;
const verified = async (token: string): Promise<string[]> =>
  Promise.all(
    op.instances.map(async (instance) => (await instance.verifyAccessToken(token, { scope: 'history:read' })).kind),
  );
const kidOf = (token: string): string => decodeProtectedHeader(token).kid ?? '';

it('signing keys are rotated with overlap, on all instances: published before use, kept while tokens live, then good for hints only', async () => {
  const person = aPerson();
  op.users.set(person.userId, {});
  op.person = person;
  const browser = new Browser([APP]);
  const app = await op.relyingParty('app');
  const { id_token: idToken = '' } = await signIn(app, browser);
  const [before, oldToken] = [await published(), await robotToken()];
  expect(before).toHaveLength(2);

  const number = await requestRotation(op.pool);
  expect(await rotationDone(op.pool, number)).toBeUndefined();
  await work();
  expect((await rotationDone(op.pool, number))?.getTime()).toBeGreaterThan(Date.now() + LEAD_MS / 2);
  const during = await published();
  expect(during).toHaveLength(4);
  expect(during).toEqual(expect.arrayContaining(before));
  expect(before).toContain(kidOf(await robotToken()));

  await pass(LEAD_MS + 1_000);
  const newToken = await robotToken();
  expect(before).not.toContain(kidOf(newToken));
  expect(before).toContain(kidOf(oldToken));
  expect(await published()).toEqual(during);
  expect([await verified(oldToken), await verified(newToken)]).toEqual([
    ['valid', 'valid'],
    ['valid', 'valid'],
  ]);

  await pass(TOKENS_LIVE_MS);
  const after = await published();
  expect(after).toHaveLength(2);
  expect(after).toEqual(expect.not.arrayContaining(before));
  expect([await verified(oldToken), await verified(newToken)]).toEqual([
    ['refused', 'refused'],
    ['valid', 'valid'],
  ]);
  const hinted = client.buildEndSessionUrl(app, {
    id_token_hint: idToken,
    post_logout_redirect_uri: `${APP}/signed-out`,
  });
  await browser.open(hinted.href);
  expect(browser.text).toContain('Sign out?');

  await pass(HINTS_LIVE_MS);
  const { rows } = await op.pool.query('SELECT kid FROM provider.signing_keys');
  expect(rows).toHaveLength(2);
  await browser.open(hinted.href);
  expect(browser.status).toBe(400);
});

it('many who ask at once, and several instances, make one rotation', async () => {
  const before = await published();
  await Promise.all([requestRotation(op.pool), requestRotation(op.pool)]);
  await work();
  expect(await published()).toHaveLength(before.length + 2);
});
