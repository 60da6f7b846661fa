import type { Request, Response } from 'express';
import type { z } from 'zod';
import { loadAccount } from '#libs/accounts/queries/load-account.js';
import { isUuid } from '#libs/platform/ids.js';
import { problem } from '#libs/platform/problem.js';
import { authorizeApi, sendProblem } from '#libs/web/api-access.js';
import type { ApiAccess } from '#libs/web/api-access.js';
import { contextOf } from '#libs/web/request-context.js';
import type { AuditDependencies } from '../audit-dependencies.js';
import type { HistoryAccess } from '../events.js';
import { mistakeOf } from '../history-query.js';
import type { QueryMistake } from '../history-query.js';
import { recordAccess } from '../record-access.js';

/** The scope that lets a client read histories of its organization and its users. */
export const HISTORY_SCOPE = 'history:read';

/** A call of the history API by a client that may make it, with a query that can be used. */
export interface HistoryCall<Query> extends ApiAccess {
  readonly query: Query;
  /** Stores that this client reads what it asked for; nothing is told before. */
  readonly record: (access: HistoryAccess['access']) => Promise<void>;
}

/** What every route of the history API does before it answers: who may, about whom, and with which query. */
export class HistoryApi {
  constructor(private readonly dependencies: AuditDependencies) {}

  /**
   * @param userId whose history; none for the whole organization's
   * @returns nothing when the call was refused, and that was answered
   */
  async accept<Schema extends z.ZodType>(
    request: Request,
    response: Response,
    schema: Schema,
    userId?: string,
  ): Promise<HistoryCall<z.output<Schema>> | undefined> {
    const { store, newId } = this.dependencies;
    const access = await authorizeApi(request, response, { ...this.dependencies, scope: HISTORY_SCOPE });
    if (!access) return undefined;
    const parsed = schema.safeParse(request.query);
    if (!parsed.success) return void this.refuseQuery(response, mistakeOf(parsed.error));
    const { clientId, organizationId } = access;
    if (userId !== undefined && !(await this.#isUserOf(organizationId, userId))) {
      return void sendProblem(
        response,
        problem(404, 'user_not_found', 'There is no such user', { instance: newId(), parameter: 'id' }),
      );
    }
    const context = contextOf(request, newId, { type: 'client', id: clientId }, { organizationId, clientId });
    return {
      ...access,
      query: parsed.data,
      record: (kind) => recordAccess(store, organizationId, { access: kind, userId, query: request.query }, context),
    };
  }

  refuseQuery(response: Response, mistake: QueryMistake): void {
    sendProblem(
      response,
      problem(400, 'query_invalid', 'The query cannot be used', { instance: this.dependencies.newId(), ...mistake }),
    );
  }

  /** Of another organization is the same as unknown (invariant 11). */
  async #isUserOf(organizationId: string, userId: string): Promise<boolean> {
    return (
      isUuid(userId) && (await loadAccount(this.dependencies.store, userId)).state.organizationId === organizationId
    );
  }
}
