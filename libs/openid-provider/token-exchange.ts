import { setTimeout as delay } from 'node:timers/promises';
import { errors, Provider } from 'oidc-provider';
import type { AdapterPayload, KoaContextWithOIDC } from 'oidc-provider';
import { StoreAwayError } from '#libs/event-store/store-errors.js';
import type { Clock } from '#libs/platform/clock.js';
import { remainingMs } from '#libs/platform/deadline.js';
import type { NewId } from '#libs/platform/ids.js';
import type { Logger } from '#libs/platform/logger.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { isDatabaseUnreachable } from '#libs/platform/postgres/unreachable.js';
import { DEVICE_CODE_GRANT } from '#libs/relying-parties/settings.js';
import type { StoredArtifact } from './artifacts.postgres.js';
import { grantFromRow } from './grants.postgres.js';
import type { GrantRecord, Grants } from './grants.postgres.js';
import { Reservations } from './reservations.postgres.js';
import type { Artifact, Reservation, Wanted } from './reservations.postgres.js';

/** Tokens that are about to be given out for a person. */
export interface TokenIssue extends GrantRecord {
  readonly grantType: 'authorization_code' | 'refresh_token' | 'device_code';
  readonly scopes: readonly string[];
  readonly resource?: string;
  readonly offline: boolean;
  /** Where the request came from. */
  readonly source: { readonly address?: string; readonly userAgent?: string };
}

/** Stores the event of an issue, and then looks at the account again (domain.md, "Sign-in against revocation"). */
export type OnTokensIssued = (issue: TokenIssue) => Promise<'stored' | 'refused'>;

/** How long somebody waits at most for another request with the same code or token, in milliseconds. */
const MOST_WAITING_MS = 8_000;
const POLL_MS = 30;

const exchanges = new WeakMap<object, TokenExchange>();

/**
 * One request at the token endpoint with a code or a refresh token. What oidc-provider consumes is reserved, and what
 * it stores is kept here, until the event is in the store and the account was looked at again; then all of it becomes
 * true in one statement (P3, P4, P14). When anything fails, the reservation is given back, so that whoever tries again
 * after a 5xx is no thief.
 */
export class TokenExchange {
  readonly #by: string;
  #grant: GrantRecord | undefined;
  #reserved: (Wanted & { readonly sessionUid: string | null }) | undefined;
  readonly #writes: Artifact[] = [];

  constructor(
    private readonly reservations: Reservations,
    newId: NewId,
    private readonly grants: Grants,
  ) {
    this.#by = newId();
  }

  /** The one that the request under way is, if it is one. */
  static current(): TokenExchange | undefined {
    const ctx = Provider.ctx;
    return ctx && exchanges.get(ctx);
  }

  /** Whether what is stored now belongs to the exchange. */
  get isOpen(): boolean {
    return this.#reserved !== undefined;
  }

  /** Of the person whose tokens these are. */
  get organizationId(): string | undefined {
    return this.#grant?.organizationId;
  }

  keep(artifact: Artifact): void {
    this.#writes.push(artifact);
  }

  /**
   * A code or refresh token that the request presents, reserved for it; as it is when it was used before, which
   * oidc-provider answers by ending its grant.
   */
  async find(model: string, id: string): Promise<StoredArtifact | undefined> {
    const answer = await this.#take(model, id);
    if (answer.kind === 'reserved')
      return { model, payload: answer.payload, consumed_at: null, granted: answer.grant.payload };
    return answer.kind === 'consumed'
      ? { model, payload: answer.payload, consumed_at: answer.consumedAt, granted: null }
      : undefined;
  }

  /** Whether the request has it to itself. */
  holds(model: string, id: string): boolean {
    return this.#reserved?.model === model && this.#reserved.id === id;
  }

  /** Reserves what was looked up before. @throws {errors.InvalidGrant} when it was used */
  async reserve(model: string, id: string): Promise<void> {
    const answer = await this.#take(model, id);
    if (answer.kind === 'gone') throw new errors.InvalidGrant('its session or grant has ended');
    if (answer.kind !== 'consumed') return;
    await this.grants.revoke({ grantId: answer.grantId }, 'code_replayed');
    throw new errors.InvalidGrant('it was used before');
  }

  /** At most one request has a code or token at a time; the others wait for what becomes of it. */
  async #take(model: string, id: string): Promise<Exclude<Reservation, { kind: 'taken' }>> {
    const deadline = Date.now() + Math.min(MOST_WAITING_MS, remainingMs() / 2);
    const wanted = { model, id, by: this.#by };
    for (;;) {
      const answer = await this.reservations.reserve(wanted);
      if (answer.kind === 'reserved') {
        this.#reserved = { ...wanted, sessionUid: answer.sessionUid };
        this.#grant = grantFromRow(answer.grant);
      }
      if (answer.kind !== 'taken') return answer;
      if (Date.now() > deadline)
        throw Object.assign(new errors.TemporarilyUnavailable('try again'), { status: 503, statusCode: 503 });
      await delay(POLL_MS * (0.5 + Math.random()));
    }
  }

  async #settle(ctx: KoaContextWithOIDC, onTokensIssued: OnTokensIssued): Promise<'settled' | 'refused'> {
    const [grant, reserved] = [this.#grant, this.#reserved];
    if (!grant || !reserved) return 'settled';
    if ((await onTokensIssued(issueOf(ctx, grant))) === 'refused') {
      await this.grants.revoke({ grantId: grant.grantId }, 'refused_after_revocation');
      return 'refused';
    }
    const work = { ...reserved, grantId: grant.grantId, writes: this.#writes };
    return (await withoutDoubt(() => this.reservations.commit(work))) ? 'settled' : 'refused';
  }

  async #giveBack(): Promise<void> {
    if (this.#reserved) await this.reservations.giveBack(this.#reserved).catch(() => undefined);
  }

  /** The middleware around oidc-provider's token endpoint. */
  static middleware = (dependencies: {
    pool: Pool;
    clock: Clock;
    grants: Grants;
    newId: NewId;
    onTokensIssued: OnTokensIssued;
    logger: Logger;
    path: string;
  }) => {
    const { pool, clock, grants, newId, onTokensIssued, logger, path } = dependencies;
    const reservations = new Reservations(pool, clock);
    return async (ctx: KoaContextWithOIDC, next: () => Promise<void>): Promise<void> => {
      if (ctx.method !== 'POST' || ctx.path !== path) return next();
      const exchange = new TokenExchange(reservations, newId, grants);
      exchanges.set(ctx, exchange);
      try {
        await next();
        if (ctx.status !== 200) return await exchange.#giveBack();
        if ((await exchange.#settle(ctx, onTokensIssued)) === 'refused')
          refuse(ctx, 400, 'invalid_grant', 'grant request is invalid');
      } catch (error) {
        await exchange.#giveBack();
        const away = error instanceof StoreAwayError || isDatabaseUnreachable(error);
        logger[away ? 'warn' : 'error']({ error: (error as Error).message }, 'tokens could not be issued');
        if (away) refuse(ctx, 503, 'temporarily_unavailable', 'try again in a moment');
        else refuse(ctx, 500, 'server_error', 'an unexpected error occurred');
      }
    };
  };
}

const GRANT_TYPES: Readonly<Record<string, TokenIssue['grantType']>> = {
  authorization_code: 'authorization_code',
  refresh_token: 'refresh_token',
  [DEVICE_CODE_GRANT]: 'device_code',
};

const issueOf = ({ oidc, ip, headers }: KoaContextWithOIDC, grant: GrantRecord): TokenIssue => {
  const { AccessToken: accessToken, RefreshToken: refreshToken } = oidc.entities;
  const grantType = GRANT_TYPES[String(oidc.params?.grant_type)];
  if (!grantType || !accessToken) throw new Error('tokens of an unknown grant type');
  const { aud } = accessToken as { aud?: string };
  const userAgent = headers['user-agent']?.slice(0, 512);
  return {
    ...grant,
    grantType,
    scopes: accessToken.scope ? accessToken.scope.split(' ') : [],
    ...(aud === undefined ? {} : { resource: aud }),
    offline: refreshToken !== undefined && !refreshToken.expiresWithSession,
    source: { ...(ip ? { address: ip } : {}), ...(userAgent ? { userAgent } : {}) },
  };
};

/** A lost connection says nothing of what it carried: the statement is asked again, which finds what it did before. */
const withoutDoubt = async <T>(work: () => Promise<T>): Promise<T> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isDatabaseUnreachable(error) || attempt === 4 || remainingMs() < 1_000) throw error;
      await delay(200 * attempt);
    }
  }
};

const refuse = (ctx: KoaContextWithOIDC, status: number, error: string, description: string): void => {
  ctx.status = status;
  ctx.body = { error, error_description: description };
  if (status === 503) ctx.set('retry-after', '1');
};

/** An artifact's payload says to which grant and session it belongs; a session-bound one goes with its session. */
export const bindingsOf = (
  model: string,
  payload: AdapterPayload,
): { readonly grantId: string | null; readonly sessionUid: string | null } => {
  const { grantId = null, sessionUid = null, expiresWithSession = false } = payload;
  switch (model) {
    case 'AuthorizationCode':
    case 'DeviceCode':
      return { grantId, sessionUid };
    case 'AccessToken':
    case 'RefreshToken':
      return { grantId, sessionUid: expiresWithSession ? sessionUid : null };
    default:
      return { grantId: null, sessionUid: null };
  }
};
