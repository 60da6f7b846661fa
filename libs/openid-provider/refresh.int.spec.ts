import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import * as client from 'openid-client';
import { StoreAwayError } from '#libs/event-store/store-errors.js';
import { Browser } from '#test-support/browser.js';
import {
  aPerson,
  APP,
  aRelyingParty,
  authorize,
  CALLBACK,
  SECRET,
  signIn,
  startTestOpenIdProvider,
} from '#test-support/open-id-provider.js';
import type { Person, TestOpenIdProvider } from '#test-support/open-id-provider.js';

const AT_ONCE = 50;
const OFFLINE = { scope: 'openid offline_access', prompt: 'consent' };

interface Answer {
  readonly status: number;
  readonly error?: string;
  readonly access_token?: string;
  readonly refresh_token?: string;
  readonly scope?: string;
}

describe('codes and refresh tokens, on two instances', () => {
  let op: TestOpenIdProvider;
  let app: client.Configuration;
  let person: Person;
  let browser: Browser;

  beforeAll(async () => {
    op = await startTestOpenIdProvider(2);
    for (const clientId of ['app', 'other-app'])
      op.relyingParties.set(
        clientId,
        aRelyingParty({
          clientId,
          grantTypes: ['authorization_code', 'refresh_token'],
          scopes: ['openid', 'email', 'offline_access'],
        }),
      );
    app = await op.relyingParty('app');
  });
  afterAll(() => op.stop());
  beforeEach(() => {
    person = aPerson();
    op.users.set(person.userId, {});
    op.person = person;
    op.issued.length = 0;
    op.revoked.length = 0;
    op.onTokensIssued = () => Promise.resolve('stored');
    op.onGrantRevoked = () => Promise.resolve();
    browser = new Browser([APP]);
  });

  const ask = async (parameters: Record<string, string>, clientId = 'app'): Promise<Answer> => {
    const response = await fetch(`${op.issuer}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${clientId}:${SECRET}`).toString('base64')}` },
      body: new URLSearchParams(parameters),
    });
    return { status: response.status, ...((await response.json()) as object) };
  };
  const refresh = (token: string | undefined, clientId?: string) =>
    ask({ grant_type: 'refresh_token', refresh_token: token ?? '' }, clientId);
  const offline = async (): Promise<string> => (await signIn(app, browser, OFFLINE)).refresh_token ?? '';
  const code = async () => {
    const { url, checks } = await authorize(app, { scope: 'openid' });
    const back = new URL(await browser.open(url));
    return {
      grant_type: 'authorization_code',
      code: back.searchParams.get('code') ?? '',
      redirect_uri: CALLBACK,
      code_verifier: checks.pkceCodeVerifier,
    };
  };
  const reasons = () => op.revoked.map(({ reason }) => reason);
  const artifacts = async (): Promise<number> =>
    (await op.pool.query(`SELECT 1 FROM provider.artifacts WHERE payload->>'accountId' = $1`, [person.userId]))
      .rowCount ?? 0;

  it('P3: of 50 who exchange one code at once, at most one gets tokens; then the grant is gone', async () => {
    const request = await code();
    const answers = await Promise.all(Array.from({ length: AT_ONCE }, () => ask(request)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ error }) => error === 'invalid_grant')).toHaveLength(AT_ONCE - 1);
    expect(reasons()).toEqual(['code_replayed']);
    expect(await artifacts()).toBe(0);
    const token = answers.find(({ status }) => status === 200)?.access_token ?? '';
    await expect(client.fetchUserInfo(app, token, person.userId)).rejects.toMatchObject({ status: 401 });
  });

  it('P3: a code that comes a second time ends what the first one gave', async () => {
    const request = await code();
    const { access_token: token = '' } = await ask(request);
    await client.fetchUserInfo(app, token, person.userId);
    expect(await ask(request)).toMatchObject({ status: 400, error: 'invalid_grant' });
    await expect(client.fetchUserInfo(app, token, person.userId)).rejects.toMatchObject({ status: 401 });
    expect(reasons()).toEqual(['code_replayed']);
  });

  it('P4: of 50 who use one refresh token at once, exactly one gets tokens; then the whole grant is revoked, with one event', async () => {
    const token = await offline();
    const answers = await Promise.all(Array.from({ length: AT_ONCE }, () => refresh(token)));
    const [winner, ...others] = answers.filter(({ status }) => status === 200);
    expect(others).toEqual([]);
    expect(answers.filter(({ status, error }) => status === 400 && error === 'invalid_grant')).toHaveLength(
      AT_ONCE - 1,
    );
    expect(reasons()).toEqual(['refresh_token_reuse']);
    expect(op.revoked[0]?.grant).toMatchObject({ clientId: 'app', userId: person.userId, claimId: person.claimId });
    expect(await refresh(winner?.refresh_token)).toMatchObject({ status: 400, error: 'invalid_grant' });
    await expect(client.fetchUserInfo(app, winner?.access_token ?? '', person.userId)).rejects.toMatchObject({
      status: 401,
    });
    expect(await artifacts()).toBe(0);
    expect(op.issued.map(({ grantType }) => grantType)).toEqual(['authorization_code', 'refresh_token']);
  });

  it('P4: a refresh token that comes a second time, later: the whole grant is revoked', async () => {
    const first = await offline();
    const { refresh_token: second } = await refresh(first);
    const { refresh_token: third } = await refresh(second);
    expect(new Set([first, second, third]).size).toBe(3);
    expect(await refresh(first)).toMatchObject({ status: 400, error: 'invalid_grant' });
    expect(reasons()).toEqual(['refresh_token_reuse']);
    expect(await refresh(third)).toMatchObject({ status: 400, error: 'invalid_grant' });
    expect(reasons()).toEqual(['refresh_token_reuse']);
  });

  it('P4: when the event cannot be stored, the grant is revoked all the same, and the event follows', async () => {
    const first = await offline();
    await refresh(first);
    op.onGrantRevoked = () => Promise.reject(new StoreAwayError());
    expect(await refresh(first)).toMatchObject({ status: 400, error: 'invalid_grant' });
    expect([reasons(), await artifacts()]).toEqual([[], 0]);
    op.onGrantRevoked = () => Promise.resolve();
    await Promise.all(op.instances.map((instance) => instance.work()));
    expect(reasons()).toEqual(['refresh_token_reuse']);
  });

  it('P4: another client that shows the token gets nothing, and ends nothing', async () => {
    const token = await offline();
    expect(await refresh(token, 'other-app')).toMatchObject({ status: 400, error: 'invalid_grant' });
    expect(reasons()).toEqual([]);
    expect(await refresh(token)).toMatchObject({ status: 200 });
  });

  it.each([
    ['the event store is away', () => Promise.reject(new StoreAwayError()), 503, 'temporarily_unavailable'],
    ['something fails that nobody foresaw', () => Promise.reject(new Error('boom')), 500, 'server_error'],
  ] as const)(
    'P14: %s in the middle of a refresh: the token is still good, and the next try is no reuse',
    async (_what, fails, status, error) => {
      const token = await offline();
      op.onTokensIssued = fails;
      for (let i = 0; i < 3; i += 1) expect(await refresh(token)).toMatchObject({ status, error });
      op.onTokensIssued = () => Promise.resolve('stored');
      const answer = await refresh(token);
      expect(answer).toMatchObject({ status: 200 });
      expect(await refresh(answer.refresh_token)).toMatchObject({ status: 200 });
      expect(reasons()).toEqual([]);
    },
  );

  it('P14: the same for a code', async () => {
    const request = await code();
    op.onTokensIssued = () => Promise.reject(new StoreAwayError());
    expect(await ask(request)).toMatchObject({ status: 503 });
    op.onTokensIssued = () => Promise.resolve('stored');
    expect(await ask(request)).toMatchObject({ status: 200 });
  });

  it('P14: nobody can use a token before its event is stored, whoever waits meanwhile', async () => {
    const token = await offline();
    const before = await artifacts();
    let during = -1;
    op.onTokensIssued = async () => {
      during = await artifacts();
      return 'stored';
    };
    expect(await refresh(token)).toMatchObject({ status: 200 });
    expect([during, await artifacts()]).toEqual([before, before + 2]);
  });

  it('P14: a request that is refused for another reason takes nothing away', async () => {
    const token = await offline();
    expect(
      await ask({ grant_type: 'refresh_token', refresh_token: token, resource: 'https://api.example' }),
    ).toMatchObject({
      status: 400,
      error: 'invalid_target',
    });
    expect(await ask({ grant_type: 'refresh_token', refresh_token: token, scope: 'openid profile' })).toMatchObject({
      error: 'invalid_scope',
    });
    expect(await refresh(token)).toMatchObject({ status: 200 });
  });

  it('sign-in against revocation: what is revoked while tokens are issued gets none, and its grant ends', async () => {
    const token = await offline();
    op.onTokensIssued = () => Promise.resolve('refused');
    expect(await refresh(token)).toMatchObject({ status: 400, error: 'invalid_grant' });
    expect(reasons()).toEqual(['refused_after_revocation']);
    expect(await artifacts()).toBe(0);
  });

  it('sign-in against revocation: an unlink between the event and the answer leaves no token', async () => {
    const token = await offline();
    op.onTokensIssued = async () => {
      await op.instances[0]?.end({ userId: person.userId, claimId: person.claimId }, 'identity_unlinked');
      return 'stored';
    };
    expect(await refresh(token)).toMatchObject({ status: 400, error: 'invalid_grant' });
    expect(await artifacts()).toBe(0);
    await op.instances[0]?.work();
    expect(reasons()).toEqual(['identity_unlinked']);
  });

  it('with offline_access a refresh token outlives the sign-out; without, it ends with it; neither outlives the link', async () => {
    const outliving = await offline();
    const { refresh_token: bound } = await signIn(await op.relyingParty('other-app'), browser, { scope: 'openid' });
    await browser.open(`${op.issuer}/session/end`);
    await browser.submit({ logout: 'yes' });
    expect(op.signedOut).toMatchObject([{ userId: person.userId }]);
    expect(await refresh(bound, 'other-app')).toMatchObject({ status: 400, error: 'invalid_grant' });
    const next = await refresh(outliving);
    expect(next).toMatchObject({ status: 200, scope: 'openid offline_access' });
    await op.instances[1]?.end({ userId: person.userId, claimId: person.claimId }, 'identity_unlinked');
    expect(await refresh(next.refresh_token)).toMatchObject({ status: 400, error: 'invalid_grant' });
  });

  it('offline_access takes the person’s consent, on the page', async () => {
    expect((await signIn(app, browser, { scope: 'openid offline_access' })).scope).toBe('openid');
    op.agrees = false;
    const { url } = await authorize(app, OFFLINE);
    expect(new URL(await browser.open(url)).searchParams.get('error')).toBe('access_denied');
    op.agrees = true;
  });

  it('a refresh can ask for less, never for more', async () => {
    const { refresh_token: token = '' } = await signIn(app, browser, {
      scope: 'openid email offline_access',
      prompt: 'consent',
    });
    const less = await ask({ grant_type: 'refresh_token', refresh_token: token, scope: 'openid' });
    expect(less.scope).toBe('openid');
    expect(
      await ask({ grant_type: 'refresh_token', refresh_token: less.refresh_token ?? '', scope: 'openid profile' }),
    ).toMatchObject({
      error: 'invalid_scope',
    });
    expect(op.issued.at(-1)).toMatchObject({ grantType: 'refresh_token', scopes: ['openid'], offline: true });
  });

  it('a client that revokes a token ends the grant: refresh tokens included, event included', async () => {
    const { refresh_token: token = '', access_token: access } = await signIn(app, browser, OFFLINE);
    await client.tokenRevocation(app, token);
    expect(reasons()).toEqual(['revoked_by_client']);
    expect(await refresh(token)).toMatchObject({ status: 400, error: 'invalid_grant' });
    await expect(client.fetchUserInfo(app, access, person.userId)).rejects.toMatchObject({ status: 401 });
  });

  it('what is told of an issue: who, for what, from where; never a token', async () => {
    const tokens = await signIn(app, browser, OFFLINE);
    expect(op.issued).toMatchObject([
      {
        clientId: 'app',
        userId: person.userId,
        organizationId: 'default',
        claimId: person.claimId,
        grantType: 'authorization_code',
        scopes: ['openid', 'offline_access'],
        offline: true,
        source: { address: expect.stringMatching(/127\.0\.0\.1$|^::1$/) },
      },
    ]);
    const told = JSON.stringify(op.issued, (_key, value: unknown) =>
      typeof value === 'bigint' ? Number(value) : value,
    );
    for (const token of [tokens.access_token, tokens.refresh_token ?? '?', tokens.id_token ?? '?'])
      expect(told).not.toContain(token);
  });
});
