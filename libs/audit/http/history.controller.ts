import { Controller, Get, Inject, Param, Query, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { loadAccount } from '#libs/accounts/queries/load-account.js';
import { isUuid } from '#libs/platform/ids.js';
import { problem } from '#libs/platform/problem.js';
import { authorizeApi, sendProblem } from '#libs/web/api-access.js';
import { AUDIT_DEPENDENCIES } from '../audit-dependencies.js';
import type { AuditDependencies } from '../audit-dependencies.js';
import { historyQuerySchema, InvalidCursorError, readHistory } from '../history.js';

/** The scope that lets a client read histories of its organization's users. */
export const HISTORY_SCOPE = 'history:read';

@Controller('/api/v1/users')
export class HistoryController {
  constructor(@Inject(AUDIT_DEPENDENCIES) private readonly dependencies: AuditDependencies) {}

  /** `GET /api/v1/users/{id}/history`: the replayed streams of a user, paged by cursor. */
  @Get('/:userId/history')
  async history(
    @Param('userId') userId: string,
    @Query() query: Record<string, unknown>,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const { store, verifyAccessToken, newId } = this.dependencies;
    const refuse = (status: number, code: string, title: string, detail?: string): void =>
      sendProblem(response, problem(status, code, title, { instance: newId(), ...(detail ? { detail } : {}) }));

    const access = await authorizeApi(request, response, { verifyAccessToken, newId, scope: HISTORY_SCOPE });
    if (!access) return;
    const parsed = historyQuerySchema.safeParse(query);
    if (!parsed.success) {
      return refuse(
        400,
        'query_invalid',
        'The query cannot be used',
        parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '),
      );
    }
    // Of another organization is the same as unknown (invariant 11).
    const owner = isUuid(userId) ? (await loadAccount(store, userId)).state.organizationId : undefined;
    if (owner === undefined || owner !== access.organizationId) return refuse(404, 'user_not_found', 'There is no such user');
    try {
      const { entries, next } = await readHistory(store, userId, parsed.data);
      response.set('cache-control', 'no-store').json({ entries, next: next ?? null });
    } catch (error) {
      if (error instanceof InvalidCursorError) return refuse(400, error.code, error.message);
      throw error;
    }
  }
}
