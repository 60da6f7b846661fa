import { ContentionError } from '#libs/event-store/command-execution.js';
import { EventStore } from '#libs/event-store/event-store.js';
import type { AppendRequest, AppendResult } from '#libs/event-store/event-store.js';
import { StoreAwayError, UnknownOutcomeError } from '#libs/event-store/store-errors.js';
import { LoginViaIdp } from '#libs/linking/commands/login-via-idp.command.js';
import { loginViaIdp } from '#libs/linking/commands/login-via-idp.js';
import { UnlinkExternalIdentity } from '#libs/linking/commands/unlink-external-identity.command.js';
import { unlinkExternalIdentity } from '#libs/linking/commands/unlink-external-identity.js';
import { loadAccount } from '#libs/users/queries/load-account.js';
import { SessionRows } from '#libs/openid-provider/sessions.postgres.js';
import { withDeadline } from '#libs/platform/deadline.js';
import { openSession } from '#libs/sign-in/open-session.js';
import { carryOutRevocations, placed } from '#libs/sign-in/revocations.js';
import { openSessionRequest, sessionsAtProviders } from '#test-support/sessions.js';
import { testAssertion, testContext } from '#test-support/installation.js';
import type { TestInstallation } from '#test-support/installation.js';

/** An append that was answered with success. */
export interface Acknowledged {
  readonly stream: string;
  readonly revision: bigint;
  readonly position: bigint;
  readonly commandId: string;
  readonly types: readonly string[];
}

class AuditedStore extends EventStore {
  readonly acknowledged: Acknowledged[] = [];

  override async append(request: AppendRequest): Promise<AppendResult> {
    const result = await super.append(request);
    if (result.kind === 'appended') {
      const { stream, context, events } = request;
      this.acknowledged.push({
        stream,
        ...result,
        commandId: context.commandId,
        types: events.map(({ type }) => type),
      });
    }
    return result;
  }
}

export type Deed = 'sign in' | 'link' | 'unlink';

/** What the deadline of a request is, and how much later an answer may be seen on a busy machine. */
export const DEADLINE_MS = 10_000;
const SEEN_LATER_MS = 1_000;

/** People who sign in, link and unlink, as the identity server's requests do it; and what came of it. */
export class People {
  readonly store: AuditedStore;
  readonly counts = {
    requests: 0,
    succeeded: 0,
    refusedInTime: 0,
    unknownOutcome: 0,
    contention: 0,
    lateAnswers: 0,
    slowestMs: 0,
  };
  readonly violations: string[] = [];
  readonly opened: { readonly userId: string; readonly sessionId: string }[] = [];
  readonly #sessions: SessionRows;

  constructor(private readonly installation: TestInstallation) {
    this.store = new AuditedStore(installation);
    this.#sessions = new SessionRows(installation.pool, installation.clock);
  }

  /**
   * One request: it must be answered within its deadline, with success or one of the refusals that the store's absence
   * has.
   */
  async request(deed: Deed, name: string): Promise<boolean> {
    this.counts.requests += 1;
    const began = performance.now();
    let succeeded = false;
    try {
      await withDeadline(DEADLINE_MS, () => this.#do(deed, name));
      succeeded = true;
      this.counts.succeeded += 1;
    } catch (error) {
      if (error instanceof StoreAwayError) this.counts.refusedInTime += 1;
      else if (error instanceof UnknownOutcomeError) this.counts.unknownOutcome += 1;
      else if (error instanceof ContentionError) this.counts.contention += 1;
      else this.violations.push(`${deed} of ${name} failed with ${(error as Error).stack ?? String(error)}`);
    }
    const tookMs = performance.now() - began;
    this.counts.slowestMs = Math.max(this.counts.slowestMs, Math.round(tookMs));
    if (tookMs > DEADLINE_MS + SEEN_LATER_MS) {
      this.counts.lateAnswers += 1;
      this.violations.push(`${deed} of ${name} was answered after ${Math.round(tookMs)} ms`);
    }
    return succeeded;
  }

  async #do(deed: Deed, name: string): Promise<void> {
    const { store, installation } = this;
    const deps = { ...installation, store };
    const login = await loginViaIdp(
      deps,
      new LoginViaIdp(testAssertion(name), { kind: 'sign_in', organizationId: 'default' }, testContext()),
    );
    if (!('userId' in login.outcome) || !('claimId' in login.outcome)) return;
    const { userId, claimId } = login.outcome;
    const context = { ...testContext(), actor: { type: 'user', id: userId } } as const;
    if (deed === 'sign in') {
      const session = await openSession(
        { ...installation, store, sessions: this.#sessions, sessionsAtProviders },
        openSessionRequest(userId, claimId, login.account ? { account: login.account } : {}),
      );
      if (session.kind !== 'opened') return;
      if (await this.#sessions.activate(session.sessionId)) this.opened.push({ userId, sessionId: session.sessionId });
    } else if (deed === 'link') {
      await loginViaIdp(
        deps,
        new LoginViaIdp(
          testAssertion(`${name}-g`, 'globex'),
          { kind: 'link', userId, valid: true, organizationId: 'default' },
          context,
        ),
      );
    } else {
      const { state } = await loadAccount(store, userId);
      const other = state.links.find((link) => link.claimId !== claimId);
      if (!other) return;
      await unlinkExternalIdentity(
        {
          ...deps,
          carryOutRevocations: (user, executed, by) =>
            carryOutRevocations({ store, sessions: this.#sessions }, user, placed(executed), by),
        },
        new UnlinkExternalIdentity(userId, 'default', other.claimId, context),
      );
    }
  }
}
