import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { rm } from 'node:fs/promises';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { HistoryEntry } from '#libs/audit/entry.js';
import { launchChromium } from '#test-support/chromium.js';
import { NpmStart } from '#test-support/npm-start.js';

/*
 * The README's first five minutes, by clicking, against exactly the process tree of `npm start`, without script in the
 * browser. The steps build on each other, as a person's do.
 */
describe('the journey', () => {
  let system: NpmStart;
  let chromium: Browser;
  let context: BrowserContext;
  let page: Page;
  let sub: string;
  let issuer: string;
  let app: string;

  beforeAll(async () => {
    system = await NpmStart.prepare();
    await system.start();
    issuer = `http://localhost:${system.port('IDENTITY_PORT')}`;
    app = `http://127.0.0.1:${system.port('DEMO_APP_PORT')}`;
    chromium = await launchChromium();
    context = await chromium.newContext({ javaScriptEnabled: false });
    page = await context.newPage();
  }, 120_000);

  afterAll(async () => {
    await chromium?.close();
    await system?.stop();
    if (system) await rm(system.dataDirectory, { recursive: true, force: true });
  }, 30_000);

  /** From the app to the provider, where one clicks on oneself. */
  const chooseProvider = async (provider: string): Promise<void> => {
    await page.goto(app);
    await page.getByText('Sign in', { exact: true }).click();
    await page.getByRole('button', { name: `Continue with ${provider}` }).click();
    await page.getByRole('button', { name: /Ada Lovelace/ }).click();
  };

  const signInThrough = async (provider: string): Promise<string> => {
    await chooseProvider(provider);
    return (await page.locator('#sub').textContent()) ?? '';
  };

  const signOut = async (): Promise<void> => {
    await page.goto(`${issuer}/account`);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.goto(app);
    await page
      .getByRole('button', { name: 'Sign out' })
      .or(page.getByRole('link', { name: 'Sign out' }))
      .click();
    await page.context().clearCookies();
  };

  const linkedIdentities = async (): Promise<string[]> => {
    await page.goto(`${issuer}/account`);
    return page.locator('#linked-identities li strong').allTextContents();
  };

  const history = async (): Promise<HistoryEntry[]> => {
    const { stdout } = await system.cli('history', 'user', sub, '--json');
    return JSON.parse(stdout) as HistoryEntry[];
  };

  it('signs in to the demo app through Acme, and the app gets a subject', async () => {
    sub = await signInThrough('Acme');
    expect(sub).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('links Corp, which speaks SAML, on the account page, after proving again who it is', async () => {
    expect(await linkedIdentities()).toEqual(['Acme']);
    await page.getByRole('button', { name: 'Link Corp' }).click();
    expect(page.url()).toContain(`127.0.0.1:${system.port('DEMO_ACME_PORT')}`);
    await page.getByRole('button', { name: /Ada Lovelace/ }).click();
    await page.getByRole('button', { name: 'Continue to Corp' }).click();
    expect(page.url()).toContain(`127.0.0.1:${system.port('DEMO_CORP_PORT')}`);
    await page.getByRole('button', { name: /Ada Lovelace/ }).click();
    // Where no script runs, the provider's form is posted by hand; it comes from another site, so without Ligature's
    // cookies.
    await page.getByRole('button', { name: 'Continue to Ligature' }).click();
    expect(await page.getByRole('status').textContent()).toContain('is linked');
    expect(await linkedIdentities()).toEqual(['Acme', 'Corp']);
  });

  it('signs out, signs in through Corp, and is the same user for the app', async () => {
    await signOut();
    await chooseProvider('Corp');
    await page.getByRole('button', { name: 'Continue to Ligature' }).click();
    expect(await page.locator('#sub').textContent()).toBe(sub);
  });

  it('lists provisioning, both links and each sign-in as history, in order, with time, provider and source address', async () => {
    const told = await history();
    expect(
      told
        .filter(({ type }) => type !== 'SessionStarted' && type !== 'SessionEnded')
        .map(({ type, providerId }) => [type, providerId]),
    ).toEqual([
      ['UserProvisioned', 'acme'],
      ['ExternalIdentityLinked', 'acme'],
      ['LoginSucceeded', 'acme'],
      ['TokensIssued', undefined],
      ['ExternalIdentityLinked', 'corp'],
      ['LoginSucceeded', 'corp'],
      ['TokensIssued', undefined],
    ]);
    const positions = told.map(({ position }) => BigInt(position));
    expect(positions).toEqual([...positions].sort((a, b) => (a < b ? -1 : 1)));
    for (const entry of told.filter(({ type }) => type !== 'SessionEnded')) {
      expect(Date.parse(entry.occurredAt)).toBeGreaterThan(Date.now() - 600_000);
      expect(entry.source).toMatchObject({ address: expect.stringMatching(/127\.0\.0\.1|::1/) });
    }
    await page.goto(`${issuer}/account/history`);
    expect(await page.locator('#history li[data-type=LoginSucceeded]').allTextContents()).toEqual([
      expect.stringContaining('Signed in through Corp'),
      expect.stringContaining('Signed in through Acme'),
    ]);
  });

  it('shows the account and its links on the command line; an undo only shows what it would do', async () => {
    const shown = JSON.parse((await system.cli('users', 'show', sub, '--json')).stdout) as {
      status: string;
      links: { providerId: string }[];
    };
    expect([shown.status, shown.links.map(({ providerId }) => providerId)]).toEqual(['active', ['acme', 'corp']]);
    const since = new Date(Date.now() - 3_600_000).toISOString();
    const listed = await system.cli('links', 'list', '--provider', 'corp', '--from', since);
    expect(listed.stdout).toContain(sub);
    const preview = await system.cli('links', 'undo', '--provider', 'corp', '--from', since);
    expect(preview.stdout).toContain('1 links would be undone. Nothing was changed');
    expect(await linkedIdentities()).toEqual(['Acme', 'Corp']);
    expect((await system.cli('users', 'erase', sub)).exitCode).toBe(2);
    expect((await system.cli('links', 'list', '--provider', 'corp', '--from', 'yesterday')).exitCode).toBe(2);
  });

  it('answers the history API to a bearer of history:read only', async () => {
    const url = `${issuer}/api/v1/users/${sub}/history`;
    expect((await fetch(url)).status).toBe(401);
    const token = await fetch(`${issuer}/token`, {
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(`demo-auditor:${system.setting('DEMO_AUDITOR_CLIENT_SECRET')}`).toString('base64')}`,
      },
      body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'history:read' }),
    });
    const { access_token: accessToken } = (await token.json()) as { access_token: string };
    const answer = await fetch(url, { headers: { authorization: `Bearer ${accessToken}` } });
    expect(answer.status).toBe(200);
    expect(((await answer.json()) as { entries: HistoryEntry[] }).entries).toEqual(await history());
    const unscoped = await fetch(url, { headers: { authorization: `Bearer ${accessToken.slice(0, -4)}AAAA` } });
    expect([unscoped.status, unscoped.headers.get('www-authenticate')]).toEqual([401, 'Bearer error="invalid_token"']);
  });

  it.each(['users', 'links'])(
    'replays %s from the command line: identical rows, while the page keeps working',
    async (projection) => {
      let replaying = true;
      const seen: string[][] = [];
      const watching = (async () => {
        while (replaying) seen.push(await linkedIdentities());
      })();
      const { exitCode, stdout } = await system.cli('projections', 'replay', projection, '--json');
      replaying = false;
      await watching;
      expect(exitCode).toBe(0);
      const report = JSON.parse(stdout) as { identical: boolean; before: object[]; after: object[] };
      expect(report.identical).toBe(true);
      expect(report.after).toEqual(report.before);
      expect(report.after).toEqual([
        expect.objectContaining({ table: projection, rows: projection === 'users' ? 1 : 2 }),
      ]);
      expect(seen.length).toBeGreaterThan(0);
      for (const identities of seen) expect(identities).toEqual(['Acme', 'Corp']);
    },
  );

  it('keeps users, links and history when every process is killed and started again, ready within seconds', async () => {
    const before = await history();
    await system.killEverything();
    const took = await system.start();
    expect(took).toBeLessThan(30_000);
    expect(await history()).toEqual(before);
    expect(await linkedIdentities()).toEqual(['Acme', 'Corp']);
    await context.clearCookies();
    expect(await signInThrough('Acme')).toBe(sub);
  }, 60_000);

  it('appends nothing when the same configuration is applied again', async () => {
    const { exitCode, stdout } = await system.cli('config', 'apply', 'apps/demo/ligature.yaml');
    expect([exitCode, stdout.trim()]).toEqual([0, 'Everything is as declared already; nothing was changed.']);
  });

  it('tells an operator what is wrong: an unknown projection is wrong use (2)', async () => {
    const { exitCode, stderr } = await system.cli('projections', 'replay', 'nonesuch');
    expect([exitCode, stderr.trim()]).toEqual([
      2,
      'There is no projection "nonesuch". There are: users, links, history-index, providers.',
    ]);
  });

  it('stops cleanly, and then the command line says which dependency is unreachable (3)', async () => {
    await system.stop();
    expect(system.output).not.toMatch(/did not stop/);
    expect(await system.cli('projections', 'status')).toMatchObject({
      exitCode: 3,
      stderr: expect.stringContaining('PostgreSQL cannot be reached'),
    });
  }, 30_000);
});
