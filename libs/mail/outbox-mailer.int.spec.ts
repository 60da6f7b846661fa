import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { newUuid } from '#libs/platform/ids.js';
import { MailNotSentError } from './mailer.js';
import { createOutboxMailer, listOutbox } from './outbox-mailer.js';

const SENT_AT = new Date('2026-01-02T03:04:05.678Z');

describe('the outbox', () => {
  let parent: string;
  let directory: string;
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'ligature-outbox-'));
    directory = join(parent, 'outbox');
  });
  afterEach(() => rmSync(parent, { recursive: true, force: true }));

  const mailer = () => createOutboxMailer(directory, () => SENT_AT, newUuid);
  const mail = (to: string) => ({ to, subject: 'Hello', text: 'A secret\n', organizationId: 'default' });

  it('lists what was mailed, newest first, so many at most; none before the first mail', async () => {
    expect(await listOutbox(directory)).toEqual([]);
    for (const to of ['a@example.org', 'b@example.org', 'c@example.org']) await mailer().send(mail(to));
    expect(await listOutbox(directory)).toEqual(
      ['c@example.org', 'b@example.org', 'a@example.org'].map((to) => ({ ...mail(to), sentAt: SENT_AT.toISOString() })),
    );
    expect((await listOutbox(directory, 1)).map(({ to }) => to)).toEqual(['c@example.org']);
  });

  it('is readable by its owner only', async () => {
    chmodSync(parent, 0o755);
    await mailer().send(mail('a@example.org'));
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    for (const file of readdirSync(directory)) expect(statSync(join(directory, file)).mode & 0o777).toBe(0o600);
  });

  it('never shows half a mail', async () => {
    await mailer().send(mail('a@example.org'));
    writeFileSync(join(directory, `${newUuid()}.json.incomplete`), '{"to":');
    expect((await listOutbox(directory)).map(({ to }) => to)).toEqual(['a@example.org']);
  });

  it('refuses what the SMTP mailer refuses', async () => {
    await expect(mailer().send(mail('a@example.org\nBcc: b@example.org'))).rejects.toThrow(MailNotSentError);
    expect(await listOutbox(directory)).toEqual([]);
  });
});
