import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { UserStreamEvent } from '#libs/users/state.js';
import { userActivityStream, userStream } from '#libs/users/streams.js';
import { appendUnconditionally } from '#libs/event-store/command-execution.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import { followStreamChanges } from '#libs/event-store/follow-stream-changes.js';
import { StreamChanges } from '#libs/event-store/stream-changes.js';
import { newUuid } from '#libs/platform/ids.js';
import { silentLogger } from '#libs/platform/logger.js';
import { startTestInstallation, testContext } from '#test-support/installation.js';
import type { TestInstallation } from '#test-support/installation.js';
import { TokenIssues } from './token-grants.js';

type Issue = Parameters<TokenIssues['issue']>[0];

let installation: TestInstallation;
let following: ReturnType<typeof followStreamChanges>;
/** How often the store was asked for a user's stream. */
let reads: number;
let issues: TokenIssues;

beforeAll(async () => {
  installation = await startTestInstallation();
  following = followStreamChanges(installation.connection, ['user-', 'userActivity-'], silentLogger);
});
afterAll(async () => {
  await following.stop();
  await installation.stop();
});
beforeEach(() => {
  reads = 0;
  issues = issuing(following.changes);
});

const issuing = (changes: StreamChanges): TokenIssues => {
  const store: Pick<EventStore, 'append' | 'read'> = {
    append: (request) => installation.store.append(request),
    read: (stream, options) => {
      if (stream.startsWith('user-')) reads += 1;
      return installation.store.read(stream, options);
    },
  };
  return new TokenIssues(store as EventStore, newUuid, changes);
};

const issueOf = (userId: string): Issue => ({
  userId,
  grantId: newUuid(),
  clientId: 'app',
  organizationId: 'default',
  sessionId: newUuid(),
  claimId: newUuid(),
  furtherClaimIds: [newUuid()],
  accountRevision: 0n,
  grantType: 'refresh_token',
  scopes: ['openid'],
  offline: true,
  source: {},
});
const store = async (userId: string, event: UserStreamEvent): Promise<bigint> =>
  (
    await appendUnconditionally(installation.store, {
      stream: userStream(userId),
      events: [event],
      context: testContext(),
      subject: userId,
    })
  ).position;
const person = async (): Promise<Issue> => {
  const userId = newUuid();
  await store(userId, { type: 'UserReactivated', data: {} });
  return issueOf(userId);
};
/** Issues until the stream needs no longer be read: following has begun, and has come as far. */
const issueUntilFollowed = async (issue: Issue): Promise<void> => {
  for (let before = -1; before !== reads;) {
    before = reads;
    expect(await issues.issue(issue)).toBe('stored');
  }
};

const REVOCATIONS: readonly [string, (issue: Issue) => UserStreamEvent][] = [
  ['deactivated', () => ({ type: 'UserDeactivated', data: {} })],
  [
    'unlinked from the identity',
    ({ claimId = '' }) => ({
      type: 'ExternalIdentityUnlinked',
      data: { providerId: 'acme', claimId, identityKey: 'key' },
    }),
  ],
  [
    'unlinked from an identity that the session was renewed by',
    ({ furtherClaimIds: [claimId = ''] = [] }) => ({
      type: 'ExternalIdentityUnlinked',
      data: { providerId: 'globex', claimId, identityKey: 'key' },
    }),
  ],
  ['without the password', () => ({ type: 'PasswordRemoved', data: {} })],
];

describe('tokens against revocation', () => {
  it.each(REVOCATIONS)(
    'somebody %s gets none, whether or not the stream had to be read before',
    async (_title, revocation) => {
      const issue = await person();
      await issueUntilFollowed(issue);
      await store(issue.userId, revocation(issue));
      expect(await issues.issue(issue)).toBe('refused');
      // Nor from an instance that knows nothing of the grant, nor from one that does not follow the log.
      expect(await issuing(following.changes).issue(issue)).toBe('refused');
      expect(await issuing(new StreamChanges()).issue(issue)).toBe('refused');
    },
  );

  it('while nothing is added to a user’s stream it is read once for a grant, however often tokens are issued', async () => {
    const [ann, bob] = [await person(), await person()];
    await issueUntilFollowed(ann);
    await issueUntilFollowed(bob);
    reads = 0;
    for (let i = 0; i < 5; i += 1) expect(await issues.issue(ann)).toBe('stored');
    expect(reads).toBe(0);
    await store(bob.userId, { type: 'UserDeactivated', data: {} });
    expect(await issues.issue(ann)).toBe('stored');
    expect(reads).toBe(0);
    expect(await issues.issue({ ...ann, grantId: newUuid() })).toBe('stored');
    expect(reads).toBe(1);
  });

  it('what takes nothing back is read once more, and then no longer', async () => {
    const issue = await person();
    await issueUntilFollowed(issue);
    reads = 0;
    await store(issue.userId, {
      type: 'ExternalIdentityUnlinked',
      data: { providerId: 'globex', claimId: newUuid(), identityKey: 'key' },
    });
    expect(await issues.issue(issue)).toBe('stored');
    expect(await issues.issue(issue)).toBe('stored');
    expect(reads).toBe(1);
  });

  it('without following the log, every issue reads', async () => {
    const issue = await person();
    const blind = issuing(new StreamChanges());
    for (let i = 0; i < 3; i += 1) expect(await blind.issue(issue)).toBe('stored');
    expect(reads).toBe(3);
  });

  it('no tokens are issued by an event that stands after a revocation, however the two race', async () => {
    let [stored, refused] = [0, 0];
    for (let round = 0; round < 40; round += 1) {
      const issue = await person();
      await issueUntilFollowed(issue);
      const racing = Array.from({ length: 6 }, () => issues.issue(issue));
      await racing[round % 4];
      const revokedAt = await store(issue.userId, { type: 'UserDeactivated', data: {} });
      racing.push(...Array.from({ length: 3 }, () => issues.issue(issue)));
      const answers = await Promise.all(racing);
      const issuedAt = (await installation.store.read(userActivityStream(issue.userId))).map(
        ({ position }) => position,
      );
      const after = issuedAt.filter((position) => position > revokedAt).length;
      const refusals = answers.filter((answer) => answer === 'refused').length;
      // One that stands before may be refused as well: the stream is read to its end.
      expect(refusals).toBeGreaterThanOrEqual(after);
      stored += answers.length - refusals;
      refused += refusals;
    }
    expect({ stored: stored > 0, refused: refused > 0 }).toEqual({ stored: true, refused: true });
  });
});
