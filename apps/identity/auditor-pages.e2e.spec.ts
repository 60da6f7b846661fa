import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import axe from 'axe-core';
import { createUser } from '#libs/users/create-user.js';
import { parseEmailAddress } from '#libs/users/email-address.js';
import { userStream } from '#libs/users/streams.js';
import { parseUsername } from '#libs/users/username.js';
import { auditAccessStream } from '#libs/audit-access/record-access.js';
import { appendUnconditionally } from '#libs/event-store/command-execution.js';
import type { DomainEvent } from '#libs/event-store/event-definition.js';
import { newUuid } from '#libs/platform/ids.js';
import { Browser } from '#test-support/browser.js';
import { launchChromium } from '#test-support/chromium.js';
import { startTestIdentityServer } from '#test-support/identity-server.js';
import type { TestIdentityServer } from '#test-support/identity-server.js';
import { testContext } from '#test-support/installation.js';
import { until } from '#test-support/until.js';

const PASSWORD = 'a horse that nobody knows';
const USER_ID = /id="user-id">([0-9a-f-]{36})</;
const CONFIGURATION = `
organizations:
  - { id: default, displayName: Acme Inc, loginPolicy: { password: true, registration: true } }
  - { id: other, displayName: Other, loginPolicy: { password: true, registration: true } }
`;

let server: TestIdentityServer;
let auditor: Browser;
let auditorId: string;
let ann: string;

const store = async (userId: string, ...events: readonly DomainEvent[]): Promise<bigint> =>
  (
    await appendUnconditionally(server.installation.store, {
      stream: userStream(userId),
      events,
      context: testContext(),
      subject: userId,
    })
  ).position;
const aUser = async (organizationId = 'default', displayName = 'Ann <b>Bold</b>'): Promise<string> => {
  const userId = newUuid();
  await store(userId, { type: 'UserRegistered', data: { organizationId, displayName } });
  await store(userId, {
    type: 'UsernameChanged',
    data: { claimId: newUuid(), usernameKey: newUuid(), username: 'ann' },
  });
  await store(userId, { type: 'PasswordSet', data: { passwordHash: 'a-hash' } });
  return userId;
};
const page = async (path: string, browser = auditor): Promise<Browser> => {
  await browser.open(`${server.issuer}${path}`);
  return browser;
};
/** What an auditor types into the form on the organization's page. */
const find = async (typed: string): Promise<Browser> => {
  await page('/audit');
  await auditor.submit({ user: typed }, '/audit/users');
  return auditor;
};
/** Somebody who has their names by the streams that say who owns what. */
const aNamedUser = async (organizationId: string, username: string, email?: string): Promise<string> => {
  const [name, address] = [parseUsername(username), parseEmailAddress(email)];
  if (name.kind !== 'ok') throw new Error('no username');
  const first = { type: 'UserRegistered', data: { organizationId, displayName: 'Somebody' } } as const;
  const proven = address.kind === 'ok' ? { ...address, proof: { method: 'mail_loop' } as const } : undefined;
  const created = await createUser(
    server.installation,
    { organizationId, first, username: { ...name, givenBy: { by: 'self' } }, ifUsernameTaken: 'refuse', email: proven },
    testContext(),
  );
  if (created.kind !== 'created') throw new Error('not created');
  return created.userId;
};
const entriesOf = ({ html }: Browser): string[] =>
  [...html.matchAll(/<li data-type="(\w+)"/g)].map(([, type = '']) => type);
const positionsOf = ({ html }: Browser): string[] =>
  [...html.matchAll(/data-position="(\d+)"/g)].map(([, position = '']) => position);
const accesses = async (): Promise<(Record<string, unknown> & { access?: unknown })[]> =>
  (await server.installation.store.read(auditAccessStream('default'))).map(({ event, metadata }) => ({
    ...event.data,
    actor: metadata.actor,
  }));

beforeAll(async () => {
  server = await startTestIdentityServer();
  await server.installation.configure(CONFIGURATION);
  auditor = new Browser();
  await auditor.open(`${server.issuer}/register`);
  await auditor.submit({ displayName: 'Auditor', username: 'auditor', password: PASSWORD });
  auditorId = USER_ID.exec(auditor.html)?.[1] ?? '';
  ann = await aUser();
}, 60_000);
afterAll(() => server.stop());

describe('the auditors’ pages', () => {
  it('are for people with the role alone, and lead back after the sign-in', async () => {
    const before = await accesses();
    for (const path of ['/audit', `/audit/users/${ann}`, `/audit/users/${ann}/as-of`]) {
      const refused = await page(path);
      expect([refused.status, refused.text]).toEqual([403, expect.stringContaining('auditor_role_required')]);
      expect(refused.html).not.toContain('Ann');
      const stranger = await page(path, new Browser());
      expect(stranger.url).toContain('/sign-in');
    }
    await store(auditorId, { type: 'RoleGranted', data: { role: 'admin' } });
    expect((await page('/audit')).status).toBe(403);
    expect(await accesses()).toEqual(before);

    await store(auditorId, { type: 'RoleGranted', data: { role: 'auditor' } });
    expect((await page('/audit')).status).toBe(200);
    const other = await page(`/audit/users/${ann}`, new Browser());
    await other.submit({ login: 'auditor', password: PASSWORD }, '/sign-in/password');
    expect(other.url).toBe(`${server.issuer}/audit/users/${ann}`);
  });

  it('have a link on each of the account pages, for whoever has the role and for nobody else', async () => {
    const person = new Browser();
    await person.open(`${server.issuer}/register`);
    await person.submit({ displayName: 'Bo', username: 'bo', password: PASSWORD });
    const personId = USER_ID.exec(person.html)?.[1] ?? '';
    const linked = async () => {
      const found: string[] = [];
      for (const path of ['/account', '/account/sessions', '/account/apps', '/account/history']) {
        await page(path, person);
        expect([person.status, person.url]).toEqual([200, `${server.issuer}${path}`]);
        const [tabs = ''] = /<nav class="tabs"[^]*?<\/nav>/.exec(person.html) ?? [];
        if (/<a href="\/audit">Audit<\/a>/.test(tabs)) found.push(path);
        else expect(person.html).not.toContain('/audit');
      }
      return found;
    };
    expect(await linked()).toEqual([]);
    await store(personId, { type: 'RoleGranted', data: { role: 'admin' } });
    expect(await linked()).toEqual([]);
    await store(personId, { type: 'RoleGranted', data: { role: 'auditor' } });
    expect(await linked()).toEqual(['/account', '/account/sessions', '/account/apps', '/account/history']);
    expect((await page('/audit', person)).status).toBe(200);
    await store(personId, { type: 'RoleRevoked', data: { role: 'auditor' } });
    expect(await linked()).toEqual([]);
  });

  it('tell a user’s history, newest first, escaped, without secrets; every look is an event of the person who looked', async () => {
    const before = (await accesses()).length;
    const history = await page(`/audit/users/${ann}?types=PasswordSet,UserRegistered`);
    expect(entriesOf(history)).toEqual(['PasswordSet', 'UserRegistered']);
    expect(history.html).toContain('Ann &lt;b');
    expect(history.html).not.toMatch(/<b>Bold|a-hash/);
    expect(history.headers.get('content-security-policy')).toContain(`default-src 'none'`);
    expect((await accesses()).slice(before)).toEqual([
      {
        access: 'history',
        userId: ann,
        query: { types: 'PasswordSet,UserRegistered' },
        actor: { type: 'user', id: auditorId },
      },
    ]);
  });

  it('show the account as of a click on an entry, what it changed, and as of a date', async () => {
    const before = (await accesses()).length;
    const [, renamed] = positionsOf(await page(`/audit/users/${ann}`));
    expect(auditor.html).toContain(`href="/audit/users/${ann}/as-of?at=pos:${renamed}"`);
    const then = await page(`/audit/users/${ann}/as-of?at=pos:${renamed}`);
    expect(then.text).toContain('Username ann');
    expect(then.text).not.toContain('Password set');
    const changed = await page(`/audit/users/${ann}/as-of?from=pos:${BigInt(renamed ?? 0) - 1n}&to=pos:${renamed}`);
    expect([...changed.html.matchAll(/data-part="([^"]+)"/g)].map(([, part]) => part)).toEqual([
      'username',
      'usernameGivenBy',
    ]);
    expect((await page(`/audit/users/${ann}/as-of?at=2020-01-01T00:00`)).text).toContain(
      'There was no such account then.',
    );
    const now = await page(`/audit/users/${ann}/as-of`);
    expect(now.text).toContain('Password set · since');
    const untilNow = await page(`/audit/users/${ann}/as-of?from=2020-01-01T00:00&to=`);
    expect(untilNow.text).toContain('before the account existed');
    expect((await accesses()).slice(before).map((access) => (access as { access?: string }).access)).toEqual([
      'history',
      'as_of',
      'difference',
      'as_of',
      'as_of',
      'difference',
    ]);
  });

  it('tell the organization’s history, from which a user’s is one click away; page by page', async () => {
    const position = await store(ann, { type: 'UserDeactivated', data: {} });
    await until(async () =>
      positionsOf(await page('/audit?types=UserDeactivated')).includes(position.toString()) ? true : undefined,
    );
    expect(auditor.html).toContain(`href="/audit/users/${ann}"`);
    expect(auditor.text).toContain('History of Acme Inc');
    for (let i = 0; i < 60; i += 1) await store(ann, { type: i % 2 ? 'UserDeactivated' : 'UserReactivated', data: {} });
    const first = await page(`/audit/users/${ann}?order=asc`);
    const [, next = ''] = /href="(\?[^"]*after=[^"]*)"/.exec(first.html) ?? [];
    const seen = positionsOf(first);
    const second = positionsOf(await page(`/audit/users/${ann}${next.replaceAll('&amp;', '&')}`));
    expect([seen.length, second.length]).toEqual([50, 14]);
    expect([...seen, ...second].map(BigInt)).toEqual(
      [...new Set([...seen, ...second])].map(BigInt).sort((a, b) => (a < b ? -1 : 1)),
    );
  });

  it('find a user by id, and none of another organization', async () => {
    expect((await find(` ${ann} `)).url).toBe(`${server.issuer}/audit/users/${ann}`);
    const foreign = await aUser('other', 'Foreign');
    const before = await accesses();
    for (const id of [foreign, 'nobody', newUuid(), '..%2f..%2faccount', '%3Cscript%3E']) {
      for (const path of [`/audit/users/${id}`, `/audit/users/${id}/as-of`]) {
        const refused = await page(path);
        expect([refused.status, refused.text]).toEqual([404, expect.stringMatching(/user_not_found|not_found/)]);
        expect(refused.html).not.toMatch(/Foreign|<script/);
      }
    }
    expect(await accesses()).toEqual(before);
  });

  describe('find a user by a name', () => {
    let bea: string;
    let foreign: string;
    beforeAll(async () => {
      bea = await aNamedUser('default', 'Bea.B', 'Bea@Acme.example');
      foreign = await aNamedUser('other', 'zoe', 'zoe@acme.example');
    });

    it.each([
      ['username', ' bea.b '],
      ['username', 'Bea.B'],
      ['email', 'bea@acme.example'],
    ])('%s "%s": the look-up is an event, without the name, before the page is', async (by, typed) => {
      const before = (await accesses()).length;
      const found = await find(typed);
      expect([found.status, found.url]).toEqual([200, `${server.issuer}/audit/users/${bea}`]);
      const actor = { type: 'user', id: auditorId };
      expect((await accesses()).slice(before + 1)).toEqual([
        {
          access: 'look_up',
          userId: bea,
          query: { by, key: expect.stringMatching(/^[0-9a-f]{8}\.[\w-]{43}$/) },
          actor,
        },
        { access: 'history', userId: bea, query: {}, actor },
      ]);
      expect(JSON.stringify((await accesses()).slice(before))).not.toMatch(/bea/i);
    });

    it('also of somebody who may not sign in', async () => {
      await store(bea, { type: 'UserDeactivated', data: {} });
      expect((await find('bea.b')).url).toBe(`${server.issuer}/audit/users/${bea}`);
    });

    it('in full only; whoever is unknown, of another organization, or had the name once is answered as an unknown id is', async () => {
      const told = ({ status, text }: Browser) => [status, text.replace(/[0-9a-f-]{36}/g, '')];
      const unknown = told(await page(`/audit/users/${newUuid()}`));
      expect(unknown).toEqual([404, expect.stringContaining('user_not_found')]);
      const former = await aNamedUser('default', 'former');
      await store(former, {
        type: 'UsernameChanged',
        data: { claimId: newUuid(), usernameKey: newUuid(), username: 'later' },
      });
      for (const typed of [
        'bea',
        'bea.',
        'bea@acme',
        '@acme.example',
        '*',
        'bea.b%',
        'zoe',
        'zoe@acme.example',
        'former',
        'nobody',
        '<b>',
      ]) {
        const refused = await find(typed);
        expect([typed, refused.url, ...told(refused)]).toEqual([typed, `${server.issuer}/audit/users`, ...unknown]);
        expect(refused.html).not.toContain(foreign);
      }
    });

    it('a look-up that finds nobody is an event too; what nobody can be called is not looked up', async () => {
      const before = (await accesses()).length;
      await find('zoe@acme.example');
      await find('not a name');
      const looked = (await accesses()).slice(before).filter(({ access }) => access === 'look_up');
      expect(looked).toEqual([
        { access: 'look_up', query: { by: 'email', key: expect.any(String) }, actor: { type: 'user', id: auditorId } },
      ]);
      await until(async () =>
        (await page('/audit?types=HistoryAccessed')).text.includes('that nobody had') ? true : undefined,
      );
    });

    it('only from the form of this browser and session, and for auditors', async () => {
      const before = (await accesses()).length;
      for (const csrf of ['', 'guessed']) {
        await auditor.post(`${server.issuer}/audit/users`, { user: 'bea.b', csrf });
        expect([auditor.status, auditor.text]).toEqual([403, expect.stringContaining('form_expired')]);
      }
      const person = new Browser();
      await person.open(`${server.issuer}/register`);
      await person.submit({ displayName: 'Cy', username: 'cy', password: PASSWORD });
      await person.post(`${server.issuer}/audit/users`, { user: 'bea.b', csrf: '' });
      expect([person.status, person.text]).toEqual([403, expect.stringContaining('auditor_role_required')]);
      const stranger = new Browser();
      await stranger.post(`${server.issuer}/audit/users`, { user: 'bea.b', csrf: '' });
      expect(stranger.url).toContain('/sign-in');
      expect((await accesses()).length).toBe(before);
      await stranger.submit({ login: 'auditor', password: PASSWORD }, '/sign-in/password');
      expect(stranger.url).toBe(`${server.issuer}/audit`);
    });
  });

  it.each([
    ['types=LoginSuceeded', 'There is no event type'],
    ['from=yesterday', 'must be a time in ISO 8601'],
    ['from=2026-03-04T00:00&to=2026-03-03T00:00', 'must not be later than'],
    ['actor=nobody', 'alone or with an id'],
    ['after=1', 'must be a position'],
  ])('a filter that cannot be used comes back with what is wrong: %s', async (query, wrong) => {
    const back = await page(`/audit/users/${ann}?${query}`);
    expect(back.status).toBe(400);
    if (!query.startsWith('after')) expect(back.text).toContain(wrong);
    expect(entriesOf(back)).toEqual([]);
  });

  it.each(['at=noon', 'at=2999-01-01T00:00', 'at=pos:x', 'from=2026-03-04T00:00&to=2026-03-03T00:00', 'since=1'])(
    'a moment that cannot be shown is refused: %s',
    async (query) => {
      const refused = await page(`/audit/users/${ann}/as-of?${query}`);
      expect([refused.status, refused.text]).toEqual([400, expect.stringContaining('That moment cannot be shown')]);
    },
  );

  it.each([
    ['en', 'light', 360, 'Audit'],
    ['de', 'dark', 1280, 'Prüfung'],
  ] as const)(
    'are accessible in %s, %s, %i px wide: axe finds nothing, nothing is wider than the window',
    async (locale, colorScheme, width, linkText) => {
      const chromium = await launchChromium();
      try {
        const tab = await (
          await chromium.newContext({ locale, colorScheme, viewport: { width, height: 800 } })
        ).newPage();
        await tab.goto(`${server.issuer}/sign-in?choose`);
        await tab.fill('[name=login]', 'auditor');
        await tab.fill('[name=password]', PASSWORD);
        await tab.press('[name=password]', 'Enter');
        await tab.waitForURL(`${server.issuer}/account`);
        expect(await tab.textContent('nav.tabs a[href="/audit"]')).toBe(linkText);
        for (const path of [
          '/account',
          '/audit',
          `/audit/users/${ann}?types=nonesuch`,
          `/audit/users/${ann}/as-of`,
          `/audit/users/${ann}/as-of?from=pos:1`,
        ]) {
          await tab.goto(`${server.issuer}${path}`);
          if (process.env.SHOTS)
            await tab.screenshot({
              path: `${process.env.SHOTS}/${locale}${path.replaceAll(/[0-9a-f-]{36}|\W+/g, '_')}.png`,
              fullPage: true,
            });
          await tab.evaluate(() => document.querySelectorAll('details').forEach((details) => (details.open = true)));
          await tab.evaluate(axe.source);
          const violations = await tab.evaluate(async () => {
            const { axe: loaded } = globalThis as unknown as {
              axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
            };
            return (await loaded.run()).violations.map(({ id, nodes }) => [id, nodes[0]?.html]);
          });
          const overflow = await tab.evaluate(
            () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
          );
          expect([path, violations, overflow]).toEqual([path, [], 0]);
        }
      } finally {
        await chromium.close();
      }
    },
    120_000,
  );

  it('a revoked role ends it at once', async () => {
    await store(auditorId, { type: 'RoleRevoked', data: { role: 'auditor' } });
    expect((await page('/audit')).status).toBe(403);
  });
});
