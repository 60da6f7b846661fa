import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { userActivityStream, userStream } from '#libs/users/streams.js';
import type { StoredEvent } from '#libs/event-store/codec.js';
import { appendUnconditionally } from '#libs/event-store/command-execution.js';
import type { DomainEvent } from '#libs/event-store/event-definition.js';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import { EventStore } from '#libs/event-store/event-store.js';
import type { ReadOptions } from '#libs/event-store/event-store.js';
import type { StreamName } from '#libs/event-store/stream-name.js';
import { newUuid } from '#libs/platform/ids.js';
import { INSTALLATION_SUBJECT } from '#libs/privacy/subject-keys.js';
import { signInAttemptsStream } from '#libs/sign-in/streams.js';
import { startTestInstallation, testContext } from '#test-support/installation.js';
import type { TestInstallation } from '#test-support/installation.js';
import type { HistoryEntry } from './entry.js';
import { followUser } from './follow.js';
import { readHistory } from './history.js';
import type { HistoryPage } from './history.js';
import { historyQuerySchema } from './history-query.js';

let installation: TestInstallation;
beforeAll(async () => {
  installation = await startTestInstallation();
});
afterAll(() => installation.stop());

const provisioned: DomainEvent = {
  type: 'UserProvisioned',
  data: { organizationId: 'default', providerId: 'acme', displayName: 'Ann' },
};
const abandoned = (): DomainEvent => ({ type: 'ClaimAbandoned', data: { claimId: newUuid() } });
const ended = (sessionId: string): DomainEvent => ({ type: 'SessionEnded', data: { sessionId, reason: 'signed_out' } });
const failed = (code = 'credentials_invalid'): DomainEvent => ({ type: 'LoginFailed', data: { code } });
const renamed = (usernameKey: string, username = usernameKey): DomainEvent => ({
  type: 'UsernameChanged',
  data: { claimId: newUuid(), usernameKey, username },
});
const linked = (identityKey: string, claimId = newUuid()): DomainEvent => ({
  type: 'ExternalIdentityLinked',
  data: {
    claimId,
    providerId: 'globex',
    identityKey,
    issuer: 'https://globex.example',
    subject: 'ann',
    provenance: {
      origin: 'self_service',
      proof: 'assertion',
      policyRevision: 'organization-default@1',
      assertionId: 'a',
    },
  },
});

const streamOf = (userId: string, where: string): StreamName =>
  where === 'account'
    ? userStream(userId)
    : where === 'activity'
      ? userActivityStream(userId)
      : signInAttemptsStream(where);

interface Place {
  readonly at?: Date;
  readonly context?: Partial<CommandContext>;
}

/** Stores events one by one: in the user's `account` or `activity`, or in the attempts under a key. */
const store = async (
  userId: string,
  ...events: readonly (readonly [where: string, event: DomainEvent, place?: Place])[]
): Promise<void> => {
  for (const [where, event, { at, context } = {}] of events) {
    const over = at ? new EventStore({ ...installation, clock: () => at }) : installation.store;
    await appendUnconditionally(over, {
      stream: streamOf(userId, where),
      events: [event],
      context: { ...testContext(), ...context },
      subject: userId,
    });
  }
};

const read = (
  userId: string,
  query: Record<string, unknown> = {},
  from: EventStore = installation.store,
): Promise<HistoryPage> => readHistory(from, userId, historyQuerySchema.parse(query));

const pagesOf = async (
  userId: string,
  query: Record<string, unknown>,
  between: (page: number) => Promise<void> = () => Promise.resolve(),
) => {
  const pages: HistoryPage[] = [];
  for (let after: string | undefined; ;) {
    const page = await read(userId, { ...query, ...(after ? { after } : {}) });
    pages.push(page);
    if (page.next === undefined || pages.length > 50) return pages;
    await between(pages.length);
    after = page.next;
  }
};
/** What an entry is recognized by: its session, its code, or its type. */
const told = (entries: readonly HistoryEntry[]): unknown[] =>
  entries.map(({ payload, type }) => {
    const { sessionId, code } = payload as { sessionId?: string; code?: string };
    return sessionId ?? code ?? type;
  });
const toldIn = (pages: readonly HistoryPage[]): unknown[] => pages.flatMap(({ entries }) => told(entries));

const aDozen = async (): Promise<{ userId: string; expected: string[] }> => {
  const userId = newUuid();
  await store(userId, ['account', provisioned]);
  const expected = ['UserProvisioned'];
  for (let i = 0; i < 11; i += 1) {
    await store(userId, i % 4 === 0 ? ['account', abandoned()] : ['activity', ended(`s${i}`)]);
    expected.push(i % 4 === 0 ? 'ClaimAbandoned' : `s${i}`);
  }
  return { userId, expected };
};

describe('a user’s history', () => {
  it('merges the streams by position, oldest first or newest first', async () => {
    const { userId, expected } = await aDozen();
    const oldest = await read(userId);
    expect(told(oldest.entries)).toEqual(expected);
    expect(oldest.next).toBeUndefined();
    const newest = await read(userId, { order: 'desc' });
    expect(told(newest.entries)).toEqual(expected.toReversed());
    expect(newest.next).toBeUndefined();
  });

  it('an entry tells who, when, from where it follows, through which app and provider, and what', async () => {
    const userId = newUuid();
    const context = {
      actor: { type: 'user', id: userId },
      clientId: 'app',
      source: { address: '192.0.2.7', userAgent: 'test' },
    } as const;
    await store(userId, ['account', provisioned, { at: new Date('2026-03-03T12:00:00.250Z'), context }]);
    const [entry] = (await read(userId)).entries;
    expect(entry).toEqual({
      position: expect.stringMatching(/^\d+$/),
      eventId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      type: 'UserProvisioned',
      occurredAt: '2026-03-03T12:00:00.250Z',
      userId,
      actor: { type: 'user', id: userId },
      organizationId: 'default',
      providerId: 'acme',
      clientId: 'app',
      source: { address: '192.0.2.7', userAgent: 'test' },
      correlationId: expect.any(String),
      sentence: 'The account was created at the first sign-in through acme',
      payload: { organizationId: 'default', providerId: 'acme', displayName: 'Ann' },
      erased: [],
    });
  });

  it('nobody’s is empty', async () => expect(await read(newUuid())).toEqual({ entries: [] }));

  it('a secret never leaves: a password’s hash is in no entry', async () => {
    const userId = newUuid();
    await store(
      userId,
      ['account', provisioned],
      ['account', { type: 'PasswordSet', data: { passwordHash: 'hash-that-stays', keptSessionId: 's' } }],
    );
    const { entries } = await read(userId);
    expect(entries[1]).toMatchObject({ type: 'PasswordSet', payload: { keptSessionId: 's' }, erased: [] });
    expect(JSON.stringify(entries)).not.toContain('hash');
  });

  it('what was erased reads so, in payload, sentence and source; all the rest stays', async () => {
    const userId = newUuid();
    const context = { actor: { type: 'user', id: userId }, source: { address: '192.0.2.7' } } as const;
    await store(
      userId,
      ['account', provisioned, { context }],
      ['account', renamed('ann-key', 'ann')],
      ['account', { type: 'PasswordSet', data: { passwordHash: 'hash' } }],
      ['activity', ended('s1'), { context }],
      ['account', { type: 'ErasureStarted', data: {} }],
    );
    const before = (await read(userId)).entries;
    await installation.keys.destroy(userId);
    const after = (await read(userId)).entries;
    expect(after.map(({ position, type, occurredAt, actor }) => [position, type, occurredAt, actor])).toEqual(
      before.map(({ position, type, occurredAt, actor }) => [position, type, occurredAt, actor]),
    );
    expect(after[0]).toMatchObject({
      payload: { organizationId: 'default', providerId: 'acme', displayName: 'erased' },
      source: 'erased',
      erased: ['displayName', 'source'],
    });
    expect(after[1]).toMatchObject({
      sentence: 'The username became (erased)',
      payload: { username: 'erased', usernameKey: 'ann-key' },
    });
    expect(after[2]).toMatchObject({ payload: {}, erased: [] });
    expect(after[3]).toMatchObject({
      payload: { sessionId: 's1', reason: 'signed_out' },
      source: 'erased',
      erased: ['source'],
    });
    expect(JSON.stringify(after)).not.toMatch(/Ann|"ann"|192\.0\.2/);
  });

  it.each([1, 2, 3, 5, 11, 12, 100])('is the same in pages of %d, both ways', async (limit) => {
    const { userId, expected } = await aDozen();
    for (const order of ['asc', 'desc']) {
      const pages = await pagesOf(userId, { limit, order });
      expect(pages.every(({ entries }) => entries.length <= limit)).toBe(true);
      expect(toldIn(pages)).toEqual(order === 'asc' ? expected : expected.toReversed());
    }
  });

  it('an entry’s position is a cursor, in both orders', async () => {
    const { userId, expected } = await aDozen();
    const { entries } = await read(userId);
    for (const [i, { position }] of entries.entries()) {
      expect(told((await read(userId, { after: `pos:${position}` })).entries)).toEqual(expected.slice(i + 1));
      expect(told((await read(userId, { after: `pos:${position}`, order: 'desc' })).entries)).toEqual(
        expected.slice(0, i).toReversed(),
      );
    }
  });
});

describe('while events arrive', () => {
  it('oldest first they come at the end, once', async () => {
    const { userId, expected } = await aDozen();
    const pages = await pagesOf(userId, { limit: 4 }, async (page) => {
      if (page > 3) return;
      await store(userId, ['activity', ended(`late${page}`)], ['account', abandoned()]);
      expected.push(`late${page}`, 'ClaimAbandoned');
    });
    expect(toldIn(pages)).toEqual(expected);
  });

  it('newest first they are not in the pages after', async () => {
    const { userId, expected } = await aDozen();
    const pages = await pagesOf(userId, { limit: 4, order: 'desc' }, (page) =>
      store(userId, ['activity', ended(`late${page}`)], ['account', abandoned()], ['account', renamed(`key-${page}`)]),
    );
    expect(toldIn(pages)).toEqual(expected.toReversed());
  });

  it('newest first, a stream that was empty at the first page stays out of the pages after', async () => {
    const userId = newUuid();
    await store(userId, ['account', abandoned()], ['account', abandoned()]);
    const pages = await pagesOf(userId, { limit: 1, order: 'desc' }, () => store(userId, ['activity', ended('late')]));
    expect(toldIn(pages)).toEqual(['ClaimAbandoned', 'ClaimAbandoned']);
  });

  it.each(['asc', 'desc'])(
    '%s: what arrives in several streams between two reads of one page is not told out of order, and not lost',
    async (order) => {
      const { userId, expected } = await aDozen();
      /**
       * In which the user's two streams get an event each, the one read first before the other, while a page is being
       * read.
       */
      class Racing extends EventStore {
        raced = false;
        override async readStored(stream: StreamName, options?: ReadOptions): Promise<readonly StoredEvent[]> {
          if (stream === userActivityStream(userId) && !this.raced) {
            this.raced = true;
            await store(userId, ['account', renamed('raced')], ['activity', ended('raced')]);
          }
          return super.readStored(stream, options);
        }
      }
      const page = await read(userId, { order }, new Racing(installation));
      expect(told(page.entries)).toEqual(order === 'asc' ? expected : expected.toReversed());
      const { position = '' } = page.entries[order === 'asc' ? expected.length - 1 : 0] ?? {};
      expect(told((await read(userId, { after: `pos:${position}` })).entries)).toEqual(['UsernameChanged', 'raced']);
    },
  );

  it('is followed: what there is, then what comes, in order and once, also attempts on an identifier that came meanwhile', async () => {
    const { userId, expected } = await aDozen();
    const stopping = new AbortController();
    const seen: HistoryEntry[] = [];
    for await (const entry of followUser(installation.store, userId, {}, stopping.signal)) {
      seen.push(entry);
      if (seen.length === expected.length)
        await store(userId, ['account', renamed('followed')], ['followed', failed('seen')], ['activity', ended('new')]);
      if (seen.length === expected.length + 3) stopping.abort();
    }
    expect(told(seen)).toEqual([...expected, 'UsernameChanged', 'seen', 'new']);
  });
});

describe('attempts on a user’s identifiers', () => {
  it('are in the history: by username, by verified e-mail, by external identity', async () => {
    const userId = newUuid();
    const [name, mail, identity] = [newUuid(), newUuid(), newUuid()];
    const email = {
      claimId: newUuid(),
      emailKey: mail,
      emailId: newUuid(),
      address: 'ann@acme.example',
      proof: { method: 'mail_loop' },
    };
    await store(
      userId,
      ['account', provisioned],
      ['account', renamed(name)],
      ['account', { type: 'EmailVerified', data: email }],
      ['account', linked(identity)],
      [name, failed('by-name')],
      ['activity', ended('s1')],
      [mail, failed('by-mail')],
      [identity, failed('by-identity')],
    );
    const expected = [
      'UserProvisioned',
      'UsernameChanged',
      'EmailVerified',
      'ExternalIdentityLinked',
      'by-name',
      's1',
      'by-mail',
      'by-identity',
    ];
    for (const limit of [1, 3, 100]) {
      expect(toldIn(await pagesOf(userId, { limit }))).toEqual(expected);
      expect(toldIn(await pagesOf(userId, { limit, order: 'desc' }))).toEqual(expected.toReversed());
    }
    const [entry] = (await read(userId, { types: 'LoginFailed' })).entries;
    expect(entry).toMatchObject({
      sentence: 'A sign-in with a password was refused: by-name',
      actor: { type: 'system', id: 'test' },
    });
    expect(entry?.userId).toBeUndefined();
  });

  it('are whose identifier it was then: an identifier that changes hands takes nothing with it', async () => {
    const [ann, bea, key, identityKey, claimId] = [newUuid(), newUuid(), newUuid(), newUuid(), newUuid()];
    await store(
      ann,
      [key, failed('nobodys')],
      ['account', provisioned],
      ['account', renamed(key)],
      [key, failed('ann-1')],
      ['account', linked(identityKey, claimId)],
    );
    await store(ann, [identityKey, failed('ann-2')], ['account', renamed(newUuid())], [key, failed('between')]);
    await store(bea, ['account', provisioned], ['account', renamed(key)], [key, failed('bea-1')]);
    await store(
      ann,
      ['account', { type: 'ExternalIdentityUnlinked', data: { claimId, providerId: 'globex', identityKey } }],
      [identityKey, failed('unlinked')],
    );
    await store(bea, ['account', { type: 'ErasureStarted', data: {} }], [key, failed('erased')]);
    const failuresOf = async (userId: string): Promise<unknown[]> =>
      toldIn(await pagesOf(userId, { types: 'LoginFailed', limit: 1 }));
    expect(await failuresOf(ann)).toEqual(['ann-1', 'ann-2']);
    expect(await failuresOf(bea)).toEqual(['bea-1']);
  });
});

describe('filters', () => {
  it('by type', async () => {
    const { userId, expected } = await aDozen();
    const pages = await pagesOf(userId, { types: 'UserProvisioned,ClaimAbandoned', limit: 2 });
    expect(toldIn(pages)).toEqual(expected.filter((entry) => !entry.startsWith('s')));
    expect((await read(userId, { types: 'UserErased' })).entries).toEqual([]);
  });

  it('by time, both ends included, to the millisecond, however the bounds are written', async () => {
    const userId = newUuid();
    const at = (ms: string): Place => ({ at: new Date(`2026-03-03T12:00:0${ms}Z`) });
    await store(
      userId,
      ['activity', ended('a'), at('0.999')],
      ['activity', ended('b'), at('1.000')],
      ['activity', ended('c'), at('1.500')],
      ['activity', ended('d'), at('2.001')],
    );
    const between = async (from?: string, to?: string): Promise<unknown[]> =>
      told(
        (
          await read(userId, {
            ...(from ? { from: `2026-03-03T12:00:0${from}Z` } : {}),
            ...(to ? { to: `2026-03-03T14:00:0${to}+02:00` } : {}),
          })
        ).entries,
      );
    expect(await between('1.000', '1.500')).toEqual(['b', 'c']);
    expect(await between('1', '2')).toEqual(['b', 'c']);
    expect(await between('1.0000')).toEqual(['b', 'c', 'd']);
    expect(await between(undefined, '1')).toEqual(['a', 'b']);
  });

  it('by actor, of a kind or one; by provider, wherever an event names it', async () => {
    const userId = newUuid();
    const by = (type: 'user' | 'admin', id: string): Place => ({ context: { actor: { type, id } } });
    const email = { claimId: newUuid(), emailKey: newUuid(), emailId: newUuid(), address: 'ann@acme.example' };
    await store(
      userId,
      ['account', provisioned, by('user', userId)],
      ['activity', ended('a'), by('admin', 'cli:ann')],
      ['activity', ended('b'), by('admin', 'cli:bea')],
      ['account', linked(newUuid()), by('user', userId)],
      [
        'account',
        {
          type: 'EmailVerified',
          data: { ...email, proof: { method: 'provider', providerId: 'globex', policyRevision: '1' } },
        },
      ],
    );
    const wanted = async (query: Record<string, string>): Promise<unknown[]> =>
      told((await read(userId, query)).entries);
    expect(await wanted({ actor: 'admin' })).toEqual(['a', 'b']);
    expect(await wanted({ actor: 'admin:cli:bea' })).toEqual(['b']);
    expect(await wanted({ actor: `user:${userId}`, provider: 'globex' })).toEqual(['ExternalIdentityLinked']);
    expect(await wanted({ provider: 'globex' })).toEqual(['ExternalIdentityLinked', 'EmailVerified']);
    expect(await wanted({ provider: 'nonesuch' })).toEqual([]);
  });

  it('a rare filter on a long stream gives up a page after 5,000 events, and goes on at the next', async () => {
    const userId = newUuid();
    await store(userId, ['account', provisioned]);
    for (let i = 0; i < 12; i += 1) {
      const events = Array.from({ length: 500 }, (_, n) => ended(`s${i * 500 + n}`));
      await appendUnconditionally(installation.store, {
        stream: userActivityStream(userId),
        events,
        context: testContext(),
        subject: INSTALLATION_SUBJECT,
      });
    }
    await store(userId, ['account', abandoned()]);
    const pages = await pagesOf(userId, { types: 'ClaimAbandoned' });
    expect(pages.map(({ entries }) => told(entries))).toEqual([[], ['ClaimAbandoned']]);
    const backwards = await pagesOf(userId, { types: 'UserProvisioned', order: 'desc' });
    expect(backwards.map(({ entries }) => told(entries))).toEqual([[], ['UserProvisioned']]);
  });
});
