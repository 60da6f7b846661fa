import type { UserStreamEvent } from '#libs/users/state.js';
import { userActivityStream, userStream } from '#libs/users/streams.js';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import type { RecordedEvent } from '#libs/event-store/recorded-event.js';
import type { Moment, StreamChanges } from '#libs/event-store/stream-changes.js';
import type { GrantEvent } from '#libs/openid-provider/events.js';
import { forgetOldest } from '#libs/platform/forget-oldest.js';
import type { NewId } from '#libs/platform/ids.js';
import { unlessErased } from '#libs/privacy/subject-keys.js';
import { appendActivity } from './open-session.js';
import { revocationOf } from './revocations.js';

/** What an app may do for a person, and the sign-in that this goes back to. */
export interface TokenGrant {
  readonly grantId: string;
  readonly clientId: string;
  readonly userId: string;
  readonly organizationId: string;
  readonly sessionId: string;
  /** The link through which the person came in; none for a password. */
  readonly claimId?: string;
  /** Further links that its session goes back to, since it was renewed. */
  readonly furtherClaimIds?: readonly string[];
  /** Revision of the user's stream that the sign-in was decided from. */
  readonly accountRevision: bigint;
}

type TokensIssuedData = Extract<GrantEvent, { type: 'TokensIssued' }>['data'];
type RevokedReason = Extract<GrantEvent, { type: 'TokensRevoked' }>['data']['reason'] | 'refresh_token_reuse';

const contextOf = (
  newId: NewId,
  { clientId, organizationId }: TokenGrant,
  source?: CommandContext['source'],
): CommandContext => {
  const commandId = newId();
  return {
    commandId,
    correlationId: commandId,
    actor: { type: 'client', id: clientId },
    organizationId,
    clientId,
    ...(source ? { source } : {}),
  };
};

/** Grants that are known to be good, as of the moment when tokens were issued for them last. */
const MOST_GRANTS = 50_000;

/**
 * Tokens against revocation (domain.md, "Sign-in against revocation"): what the app is to get is kept back while the
 * event is stored and the user's stream is read again at the leader. Whoever stored a revocation before that is seen
 * here; whoever stores one after it ends the session and the grant, and the tokens with them. What the sign-in was
 * decided from need not be read again: only what came after can take it back. Nor is the stream read of which it is
 * known, from following the log at the leader up to and beyond the event, that nothing was added since the grant was
 * found good.
 */
export class TokenIssues {
  readonly #good = new Map<string, Moment>();

  constructor(
    private readonly store: EventStore,
    private readonly newId: NewId,
    /** Of the streams of users, and of their activity. */
    private readonly changes: StreamChanges,
  ) {}

  async issue(
    issue: TokenGrant &
      Omit<TokensIssuedData, 'scopes'> & {
        readonly scopes: readonly string[];
        readonly source: CommandContext['source'];
      },
  ): Promise<'stored' | 'refused'> {
    const { userId, clientId, grantId, sessionId, grantType, scopes, resource, offline } = issue;
    const data = {
      clientId,
      grantId,
      grantType,
      scopes: [...scopes],
      ...(resource === undefined ? {} : { resource }),
      sessionId,
      offline,
    };
    const context = contextOf(this.newId, issue, issue.source);
    const { following } = this.changes;
    const appended = await unlessErased(appendActivity(this.store, userId, [{ type: 'TokensIssued', data }], context));
    if (!appended || !(await this.#isGood(issue, appended.position))) return 'refused';
    this.#remember(grantId, this.changes.momentOf(appended, following));
    return 'stored';
  }

  /** @param asOf position of the event of this issue */
  async #isGood(grant: TokenGrant, asOf: bigint): Promise<boolean> {
    const stream = userStream(grant.userId);
    const since = this.#good.get(grant.grantId);
    if (
      since &&
      (await this.changes.isUnchanged(stream, since, { stream: userActivityStream(grant.userId), position: asOf }))
    )
      return true;
    const later = (await this.store.read(stream, {
      from: grant.accountRevision + 1n,
    })) as readonly RecordedEvent<UserStreamEvent>[];
    return !later.some((recorded) => takesBack(recorded, grant));
  }

  #remember(grantId: string, moment: Moment | undefined): void {
    this.#good.delete(grantId);
    if (moment) this.#good.set(grantId, moment);
    forgetOldest(this.#good, MOST_GRANTS);
  }
}

const takesBack = (
  { event, revision }: RecordedEvent<UserStreamEvent>,
  { userId, claimId, furtherClaimIds = [], sessionId, accountRevision }: TokenGrant,
): boolean => {
  const where = revocationOf(userId, { event, revision })?.where;
  if (!where || !('userId' in where)) return false;
  return 'claimId' in where
    ? where.claimId === claimId || furtherClaimIds.includes(where.claimId)
    : accountRevision < where.openedBefore && where.except !== sessionId;
};

/** Stores that a grant has ended. Of somebody who was erased nothing is written any more. */
export const noteRevokedGrant = async (
  store: EventStore,
  newId: NewId,
  grant: TokenGrant,
  reason: RevokedReason,
): Promise<void> => {
  const { clientId, grantId, userId } = grant;
  const event: GrantEvent =
    reason === 'refresh_token_reuse'
      ? { type: 'RefreshTokenReuseDetected', data: { clientId, grantId } }
      : { type: 'TokensRevoked', data: { clientId, grantId, reason } };
  const context = contextOf(newId, grant);
  const actor = ACTORS[reason] === 'user' ? ({ type: 'user', id: userId } as const) : SYSTEM;
  await unlessErased(
    appendActivity(store, userId, [event], reason === 'revoked_by_client' ? context : { ...context, actor }),
  );
};

const SYSTEM = { type: 'system', id: 'openid-provider' } as const;
/** Whose doing it was, where it was not the client's. */
const ACTORS: Readonly<Partial<Record<RevokedReason, 'user'>>> = { consent_revoked: 'user', signed_out_of_app: 'user' };
