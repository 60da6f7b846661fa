import { describe, expect, it } from '@jest/globals';
import { systemClock } from '#libs/platform/clock.js';
import { ConfigurationError, readConfiguration } from '#libs/platform/configuration.js';
import { newUuid } from '#libs/platform/ids.js';
import { mailerFrom, mailShape, outboxOf } from './mailer-from.js';

const read = (environment: Record<string, string>) => readConfiguration(mailShape, environment);

describe('the configuration of mail', () => {
  it.each<Record<string, string>>([
    { LIGATURE_SMTP_URL: 'smtps://user:p%40ss@mail.example.org:465', LIGATURE_MAIL_FROM: 'id@example.org' },
    {
      LIGATURE_SMTP_URL: 'smtp://localhost:2525',
      LIGATURE_MAIL_FROM: 'Ligature, the Identity Server <id@example.org>',
    },
    { LIGATURE_MAIL_OUTBOX: '/var/lib/outbox' },
    {},
  ])('takes %p', (environment) => {
    expect(read(environment)).toEqual(environment);
    expect(mailerFrom(read(environment), systemClock, newUuid).send).toBeInstanceOf(Function);
  });

  it.each<[string, Record<string, string>]>([
    ['another protocol', { LIGATURE_SMTP_URL: 'https://s3cret@mail.example.org' }],
    ['no host', { LIGATURE_SMTP_URL: 'smtp://' }],
    ['a sender without an address', { LIGATURE_MAIL_FROM: 'Ligature' }],
    ['a sender with a line break', { LIGATURE_MAIL_FROM: 'id@example.org\r\nBcc: eve@evil.example' }],
    ['a sender’s name with a line break', { LIGATURE_MAIL_FROM: 'Ligature\n <id@example.org>' }],
  ])('refuses %s, and shows no value', (_why, environment) => {
    expect(() => read(environment)).toThrow(ConfigurationError);
    expect(() => read(environment)).not.toThrow(/s3cret|eve/);
  });

  it('refuses an SMTP server without a sender', () => {
    expect(() => mailerFrom({ LIGATURE_SMTP_URL: 'smtp://localhost' }, systemClock, newUuid)).toThrow(
      /LIGATURE_MAIL_FROM/,
    );
  });

  it('shows no outbox where mails are really sent', () => {
    expect(outboxOf({ LIGATURE_MAIL_OUTBOX: '/outbox' })).toBe('/outbox');
    expect(outboxOf({ LIGATURE_MAIL_OUTBOX: '/outbox', LIGATURE_SMTP_URL: 'smtp://localhost' })).toBeUndefined();
  });

  it('fails each mail when nothing is configured, and says what to do', async () => {
    const { send } = mailerFrom({}, systemClock, newUuid);
    const mail = { to: 'ada@example.org', subject: 'Hello', text: 'Hello', organizationId: 'default' };
    await expect(send(mail)).rejects.toThrow(/LIGATURE_SMTP_URL/);
  });
});
