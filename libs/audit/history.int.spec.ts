import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { userActivityStream, userStream } from '#libs/accounts/streams.js';
import { appendUnconditionally } from '#libs/event-store/command-execution.js';
import type { DomainEvent } from '#libs/event-store/event-definition.js';
import { EventStore } from '#libs/event-store/event-store.js';
import { newUuid } from '#libs/platform/ids.js';
import { startTestInstallation, testContext } from '#test-support/installation.js';
import type { TestInstallation } from '#test-support/installation.js';
import { historyQuerySchema, InvalidCursorError, readHistory } from './history.js';
import type { HistoryEntry, HistoryPage } from './history.js';

let installation: TestInstallation;
beforeAll(async () => {
  installation = await startTestInstallation();
});
afterAll(() => installation.stop());

const provisioned: DomainEvent = { type: 'UserProvisioned', data: { organizationId: 'default', providerId: 'acme', displayName: 'Ann' } };
const abandoned = (): DomainEvent => ({ type: 'ClaimAbandoned', data: { claimId: newUuid() } });
const ended = (sessionId: string): DomainEvent => ({ type: 'SessionEnded', data: { sessionId, reason: 'signed_out' } });

/** Stores events of a user, one by one: `account` in the user's stream, `activity` in the other. @returns the event ids in order of position */
const store = async (userId: string, ...events: readonly (readonly ['account' | 'activity', DomainEvent, Date?])[]): Promise<void> => {
  for (const [where, event, at] of events) {
    const stream = where === 'account' ? userStream(userId) : userActivityStream(userId);
    const over = at ? new EventStore({ ...installation, clock: () => at }) : installation.store;
    await appendUnconditionally(over, { stream, events: [event], context: testContext(), subject: userId });
  }
};

const read = (userId: string, query: Record<string, unknown> = {}): Promise<HistoryPage> =>
  readHistory(installation.store, userId, historyQuerySchema.parse(query));

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
const sessions = (entries: readonly HistoryEntry[]): unknown[] =>
  entries.map(({ payload, type }) => (payload as { sessionId?: string }).sessionId ?? type);

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
    expect(sessions(oldest.entries)).toEqual(expected);
    expect(oldest.next).toBeUndefined();
    const newest = await read(userId, { order: 'desc' });
    expect(sessions(newest.entries)).toEqual(expected.toReversed());
    expect(newest.next).toBeUndefined();
  });

  it('an entry tells who, when, from where it follows, and what', async () => {
    const userId = newUuid();
    await store(userId, ['account', provisioned, new Date('2026-03-03T12:00:00.250Z')]);
    const [entry] = (await read(userId)).entries;
    expect(entry).toMatchObject({
      type: 'UserProvisioned',
      occurredAt: '2026-03-03T12:00:00.250Z',
      actor: { type: 'system', id: 'test' },
      organizationId: 'default',
      providerId: 'acme',
      sentence: 'The account was created at the first sign-in through acme',
      payload: { organizationId: 'default', providerId: 'acme', displayName: 'Ann' },
      erased: [],
    });
    expect(entry?.position).toMatch(/^\d+$/);
  });

  it('nobody’s is empty', async () => expect(await read(newUuid())).toEqual({ entries: [] }));

  it.each([1, 2, 3, 5, 11, 12, 100])('is the same in pages of %d, both ways', async (limit) => {
    const { userId, expected } = await aDozen();
    for (const order of ['asc', 'desc'] as const) {
      const pages = await pagesOf(userId, { limit, order });
      expect(pages.every(({ entries }) => entries.length <= limit)).toBe(true);
      expect(pages.flatMap(({ entries }) => sessions(entries))).toEqual(order === 'asc' ? expected : expected.toReversed());
    }
  });

  it('a cursor stays valid while events arrive: oldest first they come at the end, once', async () => {
    const { userId, expected } = await aDozen();
    const pages = await pagesOf(userId, { limit: 4 }, async (page) => {
      if (page > 3) return;
      await store(userId, ['activity', ended(`late${page}`)], ['account', abandoned()]);
      expected.push(`late${page}`, 'ClaimAbandoned');
    });
    expect(pages.flatMap(({ entries }) => sessions(entries))).toEqual(expected);
  });

  it('a cursor stays valid while events arrive: newest first they are not in the pages after', async () => {
    const { userId, expected } = await aDozen();
    const pages = await pagesOf(userId, { limit: 4, order: 'desc' }, (page) =>
      store(userId, ['activity', ended(`late${page}`)], ['account', abandoned()]),
    );
    expect(pages.flatMap(({ entries }) => sessions(entries))).toEqual(expected.toReversed());
  });

  it('newest first: a stream that was empty at the first page stays out of the pages after', async () => {
    const userId = newUuid();
    await store(userId, ['account', abandoned()], ['account', abandoned()]);
    const pages = await pagesOf(userId, { limit: 1, order: 'desc' }, () => store(userId, ['activity', ended('late')]));
    expect(pages.flatMap(({ entries }) => sessions(entries))).toEqual(['ClaimAbandoned', 'ClaimAbandoned']);
  });

  it('is filtered by type', async () => {
    const { userId, expected } = await aDozen();
    const pages = await pagesOf(userId, { types: 'UserProvisioned,ClaimAbandoned', limit: 2 });
    expect(pages.flatMap(({ entries }) => sessions(entries))).toEqual(expected.filter((entry) => !entry.startsWith('s')));
    expect((await read(userId, { types: 'Nothing' })).entries).toEqual([]);
  });

  it('is filtered by time, both ends included, to the millisecond, however the bounds are written', async () => {
    const userId = newUuid();
    const at = (ms: string): Date => new Date(`2026-03-03T12:00:0${ms}Z`);
    await store(
      userId,
      ['activity', ended('a'), at('0.999')],
      ['activity', ended('b'), at('1.000')],
      ['activity', ended('c'), at('1.500')],
      ['activity', ended('d'), at('2.001')],
    );
    const between = async (from?: string, to?: string): Promise<unknown[]> =>
      sessions(
        (await read(userId, { ...(from ? { from: `2026-03-03T12:00:0${from}Z` } : {}), ...(to ? { to: `2026-03-03T12:00:0${to}Z` } : {}) }))
          .entries,
      );
    expect(await between('1.000', '1.500')).toEqual(['b', 'c']);
    expect(await between('1', '2')).toEqual(['b', 'c']);
    expect(await between('1.0000')).toEqual(['b', 'c', 'd']);
    expect(await between(undefined, '1')).toEqual(['a', 'b']);
  });

  it('a cursor that this query did not give out is refused', async () => {
    const { userId } = await aDozen();
    const cursor = (content: unknown): string => Buffer.from(JSON.stringify(content)).toString('base64url');
    const { next } = await read(userId, { limit: 2 });
    const other = await aDozen();
    const [account, activity] = [userStream(userId), userActivityStream(userId)];
    for (const after of [
      'nonsense',
      cursor({}),
      cursor({ order: 'asc', next: { [account]: 'x', [activity]: '1' } }),
      cursor({ order: 'asc', next: { [account]: '-1', [activity]: '1' } }),
      cursor({ order: 'asc', next: { [account]: '99999999999999999999999', [activity]: '1' } }),
      cursor({ order: 'asc', next: { [account]: '1' } }),
      (await read(other.userId, { limit: 2 })).next,
    ])
      await expect(read(userId, { after })).rejects.toThrow(InvalidCursorError);
    await expect(read(userId, { after: next, order: 'desc' })).rejects.toThrow(InvalidCursorError);
    await expect(read(userId, { after: next })).resolves.toMatchObject({ entries: expect.any(Array) });
  });
});
