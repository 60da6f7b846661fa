import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createOutboxMailer } from '#libs/mail/outbox-mailer.js';
import { systemClock } from '#libs/platform/clock.js';
import { newUuid } from '#libs/platform/ids.js';
import { silentLogger } from '#libs/platform/logger.js';
import { startTestInstallation } from '#test-support/installation.js';
import type { TestInstallation } from '#test-support/installation.js';
import { freePorts } from '#test-support/ports.js';
import { startIdentity } from './identity.js';

const TOKEN = 'a-token-that-npm-start-has-printed';

describe('the page of the outbox', () => {
  let installation: TestInstallation;
  let outbox: string;
  beforeAll(async () => {
    installation = await startTestInstallation();
    outbox = mkdtempSync(join(tmpdir(), 'ligature-outbox-'));
  });
  afterAll(async () => {
    await installation.stop();
    rmSync(outbox, { recursive: true, force: true });
  });

  const withIdentity = async <T>(
    environment: Record<string, string>,
    work: (issuer: string, port: number) => Promise<T>,
  ): Promise<T> => {
    const [port = 0] = await freePorts(1);
    const issuer = `http://localhost:${port}`;
    const secret = Buffer.alloc(32, 7).toString('base64');
    const identity = await startIdentity(
      {
        DATABASE_URL: installation.eventStore.database.urls.ligature_identity,
        EVENTSTORE_URL: installation.eventStore.url,
        LIGATURE_ISSUER: issuer,
        LIGATURE_MASTER_KEY: installation.masterKey.toString('base64'),
        LIGATURE_INDEX_SECRET: installation.indexSecret.toString('base64'),
        LIGATURE_COOKIE_SECRET: secret,
        LIGATURE_MAIL_OUTBOX: outbox,
        LIGATURE_OUTBOX_TOKEN: TOKEN,
        IDENTITY_PORT: String(port),
        IDENTITY_MANAGEMENT_PORT: '0',
        ...environment,
      },
      silentLogger,
    );
    try {
      return await work(issuer, port);
    } finally {
      await identity.stop();
    }
  };

  it('in development: shows the mails, escaped, and makes links of its own server’s addresses only', async () => {
    await withIdentity({ LIGATURE_ENV: 'development' }, async (issuer) => {
      await createOutboxMailer(outbox, systemClock, newUuid).send({
        to: 'ada@example.org',
        subject: 'Hello <script>alert(1)</script>',
        text: `Open\n\n${issuer}/verify-email/abc_-9\n\nnot https://evil.example/x or ${issuer}.evil.example/x <b>`,
        organizationId: 'default',
      });
      const opened = await fetch(`${issuer}/dev/outbox?token=${TOKEN}`, { redirect: 'manual' });
      expect([opened.status, opened.headers.get('location')]).toEqual([303, '/dev/outbox']);
      const cookie = opened.headers.getSetCookie()[0]?.split(';')[0] ?? '';
      const answer = await fetch(`${issuer}/dev/outbox`, { headers: { cookie } });
      const html = await answer.text();
      expect(answer.status).toBe(200);
      expect(answer.headers.get('content-security-policy')).toContain(`default-src 'none'`);
      expect(answer.headers.get('cache-control')).toBe('no-store');
      expect(html).toContain('ada@example.org');
      expect(html).toContain('Hello &lt;script>alert(1)&lt;/script>');
      expect(html).not.toContain('<script');
      expect(html).not.toContain('<b>');
      expect([...html.matchAll(/href="([^"]*)"/g)].map(([, href]) => href)).toEqual([
        '/assets/style.css',
        '/verify-email/abc_-9',
      ]);
    });
  });

  it('in development: is not there for a page of another host that was pointed at this machine', async () => {
    await withIdentity({ LIGATURE_ENV: 'development' }, async (_issuer, port) => {
      const status = await new Promise<number | undefined>((resolve, reject) => {
        request(
          { host: '127.0.0.1', port, path: `/dev/outbox?token=${TOKEN}`, headers: { host: `evil.example:${port}` } },
          (response) => {
            response.resume();
            resolve(response.statusCode);
          },
        )
          .on('error', reject)
          .end();
      });
      expect(status).toBe(404);
    });
  });

  it.each(['', '?token=', '?token=another-token-than-the-one-printed', '?token[]=x'])(
    'E4: is not there without its token: %j',
    async (query) => {
      await withIdentity({ LIGATURE_ENV: 'development' }, async (issuer) => {
        const headers = { cookie: 'ligature_outbox=another-token-than-the-one-printed' };
        expect((await fetch(`${issuer}/dev/outbox${query}`, { headers, redirect: 'manual' })).status).toBe(404);
      });
    },
  );

  it.each<[string, Record<string, string>]>([
    ['in production', {}],
    [
      'where mails are really sent',
      { LIGATURE_ENV: 'development', LIGATURE_SMTP_URL: 'smtp://localhost:1', LIGATURE_MAIL_FROM: 'id@example.org' },
    ],
  ])('%s: is not there', async (_where, environment) => {
    await withIdentity(environment, async (issuer) => {
      expect((await fetch(`${issuer}/dev/outbox?token=${TOKEN}`)).status).toBe(404);
    });
  });
});
