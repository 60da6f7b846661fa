import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { userStream } from '#libs/users/streams.js';
import { appendUnconditionally } from '#libs/event-store/command-execution.js';
import type { DomainEvent } from '#libs/event-store/event-definition.js';
import { providerMigrations } from '#libs/installation/provider-migrations.js';
import { MailNotSentError } from '#libs/mail/mailer.js';
import type { Mail } from '#libs/mail/mailer.js';
import { openIdProviderMigrations } from '#libs/openid-provider/migrations.js';
import { newUuid } from '#libs/platform/ids.js';
import { silentLogger } from '#libs/platform/logger.js';
import { migrate } from '#libs/platform/postgres/migrations.js';
import { startTestInstallation, testContext } from '#test-support/installation.js';
import type { TestInstallation } from '#test-support/installation.js';
import { noteNotices, purgeNotices } from './due-notices.postgres.js';
import type { DueNotice } from './due-notices.postgres.js';
import { NoticeSender } from './notice-sender.js';
import { NOTICE_AGE_MS, noticeId, receiversOf } from './notices.js';

const HOUR_MS = 3_600_000;

describe('notices to the owners of accounts', () => {
  let installation: TestInstallation;
  let sent: Mail[] = [];
  let serverIsAway = false;
  let now = Date.now();
  beforeAll(async () => {
    installation = await startTestInstallation();
    await migrate(installation.pool, 'provider', [...openIdProviderMigrations, ...providerMigrations]);
    await installation.configure('organizations: [{ id: default, displayName: Example }]');
  }, 60_000);
  afterAll(() => installation.stop());
  beforeEach(() => {
    [sent, serverIsAway, now] = [[], false, Date.now()];
  });

  const sender = (): NoticeSender =>
    new NoticeSender({
      pool: installation.pool,
      store: installation.store,
      clock: () => new Date(now),
      logger: silentLogger,
      mailer: {
        send: (mail) => {
          if (serverIsAway) return Promise.reject(new MailNotSentError('away'));
          sent.push(mail);
          return Promise.resolve();
        },
      },
    });
  const address = (to: string) => ({
    address: to,
    domain: to.split('@')[1],
    emailId: newUuid(),
    claimId: newUuid(),
    emailKey: 'key',
    proof: { method: 'mail_loop' },
  });
  /** Ann, whose last event is to be told of. */
  const ann = async (...events: DomainEvent[]): Promise<DueNotice> => {
    const userId = newUuid();
    const registered: DomainEvent = { type: 'UserRegistered', data: { organizationId: 'default', displayName: 'Ann' } };
    const { revision } = await appendUnconditionally(installation.store, {
      stream: userStream(userId),
      events: [registered, { type: 'EmailVerified', data: address('ann@example.org') }, ...events],
      context: testContext(),
      subject: userId,
    });
    return { id: noticeId(newUuid(), 'after'), userId, stream: userStream(userId), revision, receiver: 'after' };
  };
  const passwordSet: DomainEvent = { type: 'PasswordSet', data: { passwordHash: 'x' } };
  const note = (...notices: DueNotice[]): Promise<void> => noteNotices(installation.pool, notices, new Date(now));

  it('are mailed once, however often they are noted, and by two senders at once', async () => {
    const notice = await ann(passwordSet);
    await note(notice);
    await note(notice);
    await Promise.all([sender().sendDue(), sender().sendDue()]);
    await note(notice);
    now += HOUR_MS;
    await sender().sendDue();
    expect(sent).toEqual([
      {
        to: 'ann@example.org',
        organizationId: 'default',
        subject: 'Example: The password of your account was set',
        text: expect.stringMatching(
          /^A new password was set[^]*If it was not you, tell your administrator at once\.\n$/,
        ) as unknown as string,
      },
    ]);
  });

  it('wait for a mail server that is away, and are given up after a day', async () => {
    await note(await ann(passwordSet));
    serverIsAway = true;
    await sender().sendDue();
    serverIsAway = false;
    await sender().sendDue();
    expect(sent).toEqual([]);
    now += 2 * HOUR_MS;
    await sender().sendDue();
    expect(sent).toHaveLength(1);

    await note(await ann(passwordSet));
    serverIsAway = true;
    now += NOTICE_AGE_MS;
    await sender().sendDue();
    [serverIsAway, now] = [false, now + HOUR_MS];
    await sender().sendDue();
    expect(sent).toHaveLength(1);
  });

  it('of a changed address go to the old one and to the new one, each for itself', async () => {
    const after = await ann({ type: 'EmailChanged', data: address('ann@new.example') });
    const [before, now_] = [
      { verifiedEmail: { address: 'ann@example.org' } },
      { verifiedEmail: { address: 'ann@new.example' } },
    ];
    expect(receiversOf(before as never, now_ as never)).toEqual(['before', 'after']);
    expect(receiversOf(before as never, before as never)).toEqual(['after']);
    await note({ ...after, id: noticeId(newUuid(), 'before'), receiver: 'before' }, after);
    await sender().sendDue();
    expect(sent.map(({ to }) => to).sort()).toEqual(['ann@example.org', 'ann@new.example']);
  });

  it('of somebody who was erased are owed no more, and one that nobody can be told of keeps no other back', async () => {
    const [erased, nobody, bob] = [await ann(passwordSet), await ann(passwordSet), await ann(passwordSet)];
    await note(erased, { ...nobody, revision: 99n }, bob);
    await purgeNotices(installation.pool, erased.userId);
    await sender().sendDue();
    expect(sent).toHaveLength(1);
  });
});
