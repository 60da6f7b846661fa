import { get } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { userActivityStream, userStream } from '#libs/users/streams.js';
import type { HistoryEntry } from '#libs/audit/entry.js';
import { auditAccessStream } from '#libs/audit-access/record-access.js';
import { appendUnconditionally } from '#libs/event-store/command-execution.js';
import type { DomainEvent } from '#libs/event-store/event-definition.js';
import type { StreamName } from '#libs/event-store/stream-name.js';
import { newUuid } from '#libs/platform/ids.js';
import { createPool } from '#libs/platform/postgres/pool.js';
import { startTestIdentityServer } from '#test-support/identity-server.js';
import type { TestIdentityServer } from '#test-support/identity-server.js';
import { testContext } from '#test-support/installation.js';
import { until } from '#test-support/until.js';

const SECRET = 'a-secret-of-this-test-and-no-other';
const CLIENTS = [
  ['auditor', 'default', 'history:read'],
  ['auditor-of-other', 'other', 'history:read'],
  ['admin', 'default', 'users:write'],
] as const;

const CONFIGURATION = `
organizations:
  - { id: default, displayName: Default }
  - { id: other, displayName: Other }
relyingParties:
${CLIENTS.map(
  ([clientId, organization, scope]) => `  - clientId: ${clientId}
    organization: ${organization}
    displayName: ${clientId}
    grantTypes: [client_credentials]
    tokenEndpointAuthMethod: client_secret_post
    clientSecret: { env: TEST_CLIENT_SECRET }
    scopes: ["${scope}"]
`,
).join('')}`;

interface Problem {
  readonly status: number;
  readonly code: string;
  readonly parameter?: string;
}

let server: TestIdentityServer;
beforeAll(async () => {
  process.env.TEST_CLIENT_SECRET = SECRET;
  server = await startTestIdentityServer();
  await server.installation.configure(CONFIGURATION);
}, 60_000);
afterAll(() => server.stop());

const tokenOf = async (clientId: string, scope = 'history:read'): Promise<string> => {
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: clientId,
    client_secret: SECRET,
    scope,
  });
  const response = await fetch(`${server.issuer}/token`, { method: 'POST', body });
  return ((await response.json()) as { access_token: string }).access_token;
};
const call = async (path: string, token?: string): Promise<Response> => {
  const bearer = token ?? (await tokenOf('auditor'));
  return fetch(`${server.issuer}/api/v1/${path}`, { headers: bearer ? { authorization: `Bearer ${bearer}` } : {} });
};
const answerOf = async <T>(path: string): Promise<T> => {
  const response = await call(path);
  expect([response.status, path]).toEqual([200, path]);
  return (await response.json()) as T;
};
const problemOf = async (path: string, token?: string): Promise<Problem> => {
  const response = await call(path, token);
  expect(response.headers.get('content-type')).toContain('application/problem+json');
  const { status, code, parameter } = (await response.json()) as Problem;
  expect(status).toBe(response.status);
  return { status, code, ...(parameter === undefined ? {} : { parameter }) };
};

const store = async (stream: StreamName, subject: string, ...events: readonly DomainEvent[]): Promise<bigint> =>
  (await appendUnconditionally(server.installation.store, { stream, events, context: testContext(), subject }))
    .position;
const ended = (sessionId: string): DomainEvent => ({ type: 'SessionEnded', data: { sessionId, reason: 'signed_out' } });
const renamed = (username: string): DomainEvent => ({
  type: 'UsernameChanged',
  data: { claimId: newUuid(), usernameKey: `key-${newUuid()}`, username },
});

/** A user who has a name, a password, and signed out as often. */
const aUser = async (
  signedOut = 3,
): Promise<{ readonly userId: string; readonly registered: bigint; readonly last: bigint }> => {
  const userId = newUuid();
  const registered = await store(userStream(userId), userId, {
    type: 'UserRegistered',
    data: { organizationId: 'default', displayName: 'Secret Ann' },
  });
  await store(userStream(userId), userId, renamed(`ann-${userId.slice(-6)}`), {
    type: 'PasswordSet',
    data: { passwordHash: 'a-hash' },
  });
  let last = registered;
  for (let from = 0; from < signedOut; from += 500) {
    const events = Array.from({ length: Math.min(500, signedOut - from) }, (_, i) => ended(`s${from + i}`));
    last = await store(userActivityStream(userId), userId, ...events);
  }
  return { userId, registered, last };
};

const accesses = async (organizationId = 'default') =>
  (await server.installation.store.read(auditAccessStream(organizationId))).map(({ event, metadata }) => ({
    ...(event.data as { access: string; userId?: string; query: object }),
    actor: metadata.actor,
    source: metadata.source,
  }));
const untilIndexed = (position: bigint): Promise<true> =>
  until(async () => {
    const { entries } = await answerOf<{ entries: HistoryEntry[] }>(`history?order=desc&limit=1`);
    return entries.some((entry) => BigInt(entry.position) >= position) ? true : undefined;
  });

describe('the history API', () => {
  it('tells a user’s history, page by page, to a client that may read it', async () => {
    const { userId } = await aUser();
    const first = await answerOf<{ entries: HistoryEntry[]; next: string }>(`users/${userId}/history?limit=4`);
    const second = await answerOf<{ entries: HistoryEntry[]; next: null }>(
      `users/${userId}/history?limit=4&after=${first.next}`,
    );
    expect([...first.entries, ...second.entries].map(({ type }) => type)).toEqual([
      'UserRegistered',
      'UsernameChanged',
      'PasswordSet',
      'SessionEnded',
      'SessionEnded',
      'SessionEnded',
    ]);
    expect(second.next).toBeNull();
    expect(JSON.stringify(first)).toContain('Secret Ann');
    expect(JSON.stringify(first)).not.toContain('a-hash');
  });

  it('who read whose history is an event: one for each query, export, account and difference, with who, from where and what was asked', async () => {
    const { userId } = await aUser();
    const before = (await accesses()).length;
    await answerOf(`users/${userId}/history?types=SessionEnded&limit=1`);
    await (await call(`users/${userId}/history/export?format=csv`)).text();
    await answerOf(`users/${userId}?asOf=pos:64&include=sessions`);
    await answerOf(`users/${userId}/difference?from=pos:64`);
    await answerOf('history?order=desc&limit=1');
    await (await call('history/export?types=SessionEnded')).text();
    const auditor = {
      actor: { type: 'client', id: 'auditor' },
      source: { address: expect.stringMatching(/127\.0\.0\.1|::1/) },
    };
    expect((await accesses()).slice(before)).toMatchObject([
      { ...auditor, access: 'history', userId, query: { types: 'SessionEnded', limit: '1' } },
      { ...auditor, access: 'export', userId, query: { format: 'csv' } },
      { ...auditor, access: 'as_of', userId, query: { asOf: 'pos:64', include: 'sessions' } },
      { ...auditor, access: 'difference', userId, query: { from: 'pos:64' } },
      { ...auditor, access: 'history', query: { order: 'desc', limit: '1' } },
      { ...auditor, access: 'export', query: { types: 'SessionEnded' } },
    ]);
  });

  it('shows the account as of any moment, and what is different between two', async () => {
    const { userId, registered } = await aUser();
    const then = await answerOf<object>(`users/${userId}?asOf=pos:${registered}`);
    expect(then).toMatchObject({
      userId,
      asOf: { position: registered.toString() },
      status: 'active',
      profile: { displayName: 'Secret Ann' },
      username: null,
      credentials: [],
    });
    expect(then).not.toHaveProperty('sessions');
    const now = await answerOf<object>(`users/${userId}?include=sessions`);
    expect(now).toMatchObject({
      username: `ann-${userId.slice(-6)}`,
      credentials: [{ kind: 'password' }],
      sessions: [],
    });
    expect(JSON.stringify(now)).not.toContain('a-hash');
    expect(await answerOf(`users/${userId}?asOf=2020-01-01T00:00:00Z`)).toMatchObject({ status: 'none', asOf: null });
    const { differences } = await answerOf<{ differences: { part: string }[] }>(
      `users/${userId}/difference?from=pos:${registered}`,
    );
    expect(differences.map(({ part }) => part)).toEqual(['username', 'usernameGivenBy', 'credentials.password']);
  });

  it('tells the whole organization’s history by the same filters, and no other organization’s', async () => {
    const { userId, registered, last } = await aUser(2);
    await untilIndexed(last);
    const after = `after=pos:${registered - 1n}`;
    const all = await answerOf<{ entries: HistoryEntry[] }>(
      `history?${after}&limit=1000&types=UserRegistered,SessionEnded,PasswordSet`,
    );
    expect(all.entries.map(({ type, userId: whose }) => [type, whose])).toEqual([
      ['UserRegistered', userId],
      ['PasswordSet', userId],
      ['SessionEnded', userId],
      ['SessionEnded', userId],
    ]);
    expect(JSON.stringify(all)).not.toContain('a-hash');
    const mine = await answerOf<{ entries: HistoryEntry[] }>(`users/${userId}/history?types=SessionEnded`);
    expect(
      (await answerOf<{ entries: HistoryEntry[] }>(`history?${after}&actor=system:test&types=SessionEnded`)).entries,
    ).toEqual(mine.entries);
    const settings = await answerOf<{ entries: HistoryEntry[] }>(
      'history?types=OrganizationCreated,RelyingPartyConfigured',
    );
    expect(settings.entries.map(({ sentence }) => sentence)).toEqual([
      'The organization Default was created',
      'The relying app auditor was configured',
      'The relying app admin was configured',
    ]);
    expect(JSON.stringify(settings)).not.toContain(SECRET);
    const others = (await (await call('history?limit=1000', await tokenOf('auditor-of-other'))).json()) as {
      entries: HistoryEntry[];
    };
    expect(new Set(others.entries.map(({ organizationId }) => organizationId))).toEqual(new Set(['other']));
    let paged: HistoryEntry[] = [];
    for (let next: string | null = `pos:${registered - 1n}`; next !== null;) {
      const page: { entries: HistoryEntry[]; next: string | null } = await answerOf(
        `history?after=${next}&limit=3&types=UserRegistered,SessionEnded,PasswordSet`,
      );
      paged = [...paged, ...page.entries];
      next = page.next;
    }
    expect(paged).toEqual(all.entries);
  });
});

describe('exports', () => {
  const linesOf = async (path: string): Promise<string[]> => (await (await call(path)).text()).trimEnd().split('\n');

  it('as NDJSON: what the pages tell, one entry a line', async () => {
    const { userId } = await aUser(250);
    const { entries } = await answerOf<{ entries: HistoryEntry[] }>(`users/${userId}/history?limit=1000`);
    const response = await call(`users/${userId}/history/export`);
    expect(response.headers.get('content-type')).toBe('application/x-ndjson');
    const lines = (await response.text()).trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line) as HistoryEntry)).toEqual(entries);
    expect(await linesOf(`users/${userId}/history/export?order=desc`)).toEqual(lines.toReversed());
    expect(await linesOf(`users/${userId}/history/export?types=SessionEnded`)).toEqual(
      lines.filter((line) => line.includes('SessionEnded')),
    );
  });

  it('as CSV: with a header, and without one where it goes on', async () => {
    const { userId } = await aUser(5);
    const whole = await linesOf(`users/${userId}/history/export?format=csv`);
    expect(whole).toHaveLength(9);
    expect(whole[0]).toContain('"position","occurredAt","type"');
    const [position] = /\d+/.exec(whole[4] ?? '') ?? [];
    expect(await linesOf(`users/${userId}/history/export?format=csv&after=pos:${position}`)).toEqual(whole.slice(5));
  });

  it('of a user and of the organization, cut off again and again and resumed behind the last whole line: no gap, no duplicate', async () => {
    const { userId, registered, last } = await aUser(1_500);
    await untilIndexed(last);
    const token = await tokenOf('auditor');
    /** Reads some of an export, and hangs up. @returns its whole lines, and whether it was the end */
    const some = (path: string, bytes: number): Promise<{ lines: string[]; whole: boolean }> =>
      new Promise((resolve, reject) => {
        const request = get(
          `${server.issuer}/api/v1/${path}`,
          { headers: { authorization: `Bearer ${token}` } },
          (response) => {
            let text = '';
            const done = (whole: boolean): void => resolve({ lines: text.split('\n').slice(0, -1), whole });
            response.setEncoding('utf8');
            response.on('data', (chunk: string) => {
              text += chunk;
              if (text.length < bytes) return;
              response.destroy();
              done(false);
            });
            response.on('end', () => done(true));
          },
        );
        request.on('error', reject);
      });
    for (const path of [`users/${userId}/history/export?types=SessionEnded`, 'history/export?types=SessionEnded']) {
      let lines: string[] = [];
      let interruptions = 0;
      for (let after = `pos:${registered}`; ;) {
        const piece = await some(`${path}&after=${after}`, 200_000);
        lines = [...lines, ...piece.lines];
        if (piece.whole) break;
        interruptions += 1;
        after = `pos:${(JSON.parse(lines.at(-1) ?? '') as HistoryEntry).position}`;
      }
      expect(interruptions).toBeGreaterThan(1);
      const sessions = lines.map((line) => (JSON.parse(line) as { payload: { sessionId: string } }).payload.sessionId);
      expect(sessions).toEqual(Array.from({ length: 1_500 }, (_, i) => `s${i}`));
    }
  }, 60_000);
});

describe('denials', () => {
  let someone: ReturnType<typeof aUser>;
  beforeAll(() => {
    someone = aUser();
  });
  const everyPath = (userId: string): readonly string[] => [
    `users/${userId}`,
    `users/${userId}/difference?from=pos:1`,
    `users/${userId}/history`,
    `users/${userId}/history/export`,
    'history',
    'history/export',
  ];

  it.each<[string, () => Promise<string>, number, string]>([
    ['no token', () => Promise.resolve(''), 401, 'token_missing'],
    ['a token that is none', () => Promise.resolve('abc'), 401, 'invalid_token'],
    ['a token of another scope', () => tokenOf('admin', 'users:write'), 403, 'insufficient_scope'],
  ])('%s: nothing is told, and there is nothing to write down', async (_title, token, status, code) => {
    const { userId } = await aUser();
    const before = await accesses();
    for (const path of everyPath(userId)) expect(await problemOf(path, await token())).toEqual({ status, code });
    expect(await accesses()).toEqual(before);
  });

  it('L28: a token of another organization meets no user, as if there were none', async () => {
    const { userId } = await aUser();
    const before = [await accesses(), await accesses('other')];
    const other = await tokenOf('auditor-of-other');
    for (const path of everyPath(userId).filter((each) => each.startsWith('users/')))
      expect(await problemOf(path, other)).toEqual({ status: 404, code: 'user_not_found', parameter: 'id' });
    expect([await accesses(), await accesses('other')]).toEqual(before);
  });

  it.each(['nobody', '00000000-0000-7000-8000-000000000000', 'USER-$all'])(
    'a user that does not exist: %s',
    async (userId) => {
      for (const path of everyPath(userId).filter((each) => each.startsWith('users/')))
        expect(await problemOf(path)).toEqual({ status: 404, code: 'user_not_found', parameter: 'id' });
    },
  );

  it('T1: an id that is no text, before anybody is looked for', async () => {
    for (const path of everyPath('%00').filter((each) => each.startsWith('users/')))
      expect(await problemOf(path)).toMatchObject({ status: 400, code: 'text_invalid' });
  });

  it.each([
    ['history?after=1234', 'after'],
    ['history?from=yesterday', 'from'],
    ['history?from=2026-03-04T00:00:00Z&to=2026-03-03T00:00:00Z', 'from'],
    ['history?types=LoginSuceeded', 'types'],
    ['history?actor=nobody', 'actor'],
    ['history?since=2026', 'since'],
    ['history/export?format=xml', 'format'],
    ['history/export?after=pos:x', 'after'],
    ['history/export?from=2026-03-04T00:00:00Z&to=2026-03-03T00:00:00Z', 'from'],
    ['?asOf=noon', 'asOf'],
    ['?asOf=pos:99999999999999999', 'asOf'],
    ['?asOf=2999-01-01T00:00:00Z', 'asOf'],
    ['?include=passwords', 'include'],
    ['difference', 'from'],
    ['difference?from=pos:1&to=noon', 'to'],
    ['difference?from=2026-03-04T00:00:00Z&to=2026-03-03T00:00:00Z', 'from'],
    ['difference?from=pos:128&to=pos:64', 'from'],
  ])('%s: the problem names the parameter', async (query, parameter) => {
    const { userId } = await someone;
    const before = await accesses();
    expect(await problemOf(`users/${userId}${query.startsWith('?') ? '' : '/'}${query}`)).toEqual({
      status: 400,
      code: 'query_invalid',
      parameter,
    });
    if (query.startsWith('history'))
      expect(await problemOf(query)).toEqual({ status: 400, code: 'query_invalid', parameter });
    expect(await accesses()).toEqual(before);
  });

  it('an erased subject: what they were reads "erased" at every moment; that it happened, when and by whom stays', async () => {
    const { userId, registered, last } = await aUser();
    const before = (await answerOf<{ entries: HistoryEntry[] }>(`users/${userId}/history`)).entries;
    const erase = await fetch(`${server.issuer}/api/v1/users/${userId}/erase`, {
      method: 'POST',
      headers: { authorization: `Bearer ${await tokenOf('admin', 'users:write')}` },
    });
    expect(erase.status).toBe(204);
    await untilIndexed(last);
    const told = await answerOf<{ entries: HistoryEntry[] }>(`users/${userId}/history`);
    expect(told.entries.slice(0, before.length).map(({ position, type, actor }) => [position, type, actor])).toEqual(
      before.map(({ position, type, actor }) => [position, type, actor]),
    );
    expect(told.entries.map(({ type }) => type).slice(before.length)).toEqual(
      expect.arrayContaining(['ErasureStarted', 'UserErased']),
    );
    expect(told.entries[0]).toMatchObject({
      payload: { organizationId: 'default', displayName: 'erased' },
      erased: ['displayName'],
    });
    expect(await answerOf(`users/${userId}`)).toMatchObject({
      status: 'erased',
      profile: { displayName: 'erased' },
      links: [],
      credentials: [],
    });
    const then = await answerOf<object>(`users/${userId}?asOf=pos:${last}`);
    expect(then).toMatchObject({ status: 'active', username: 'erased', credentials: [{ kind: 'password' }] });
    const everything = await Promise.all(
      [...everyPath(userId), `users/${userId}?asOf=pos:${registered}`, `users/${userId}/history/export?format=csv`].map(
        async (path) => (await call(path)).text(),
      ),
    );
    for (const text of everything) expect(text).not.toContain(`ann-${userId.slice(-6)}`);
    expect(everything.slice(0, 4).join()).not.toContain('Secret Ann');
  });
});

describe('with the read models dropped', () => {
  it('a user’s history, export, account and difference still answer', async () => {
    const { userId, registered } = await aUser();
    const admin = createPool(server.installation.eventStore.database.adminUrl, { applicationName: 'test' });
    await admin.query('DROP SCHEMA models CASCADE');
    await admin.end();
    expect((await answerOf<{ entries: HistoryEntry[] }>(`users/${userId}/history`)).entries).toHaveLength(6);
    expect((await (await call(`users/${userId}/history/export`)).text()).trimEnd().split('\n')).toHaveLength(6);
    expect(await answerOf(`users/${userId}?asOf=pos:${registered}`)).toMatchObject({
      profile: { displayName: 'Secret Ann' },
    });
    expect(await answerOf(`users/${userId}/difference?from=pos:${registered}`)).toMatchObject({
      differences: [{ part: 'username' }, { part: 'usernameGivenBy' }, {}],
    });
  });
});
