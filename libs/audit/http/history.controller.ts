import { Controller, Get, Inject, Param, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { AUDIT_DEPENDENCIES } from '../audit-dependencies.js';
import type { AuditDependencies } from '../audit-dependencies.js';
import { EXPORT_PIECE } from '../export-lines.js';
import { pageOf, readHistory } from '../history.js';
import type { HistoryPage } from '../history.js';
import { exportQuerySchema, historyQuerySchema } from '../history-query.js';
import { organizationEvents } from '../organization-events.js';
import { userEvents } from '../user-events.js';
import { HistoryApi } from './history-api.js';
import { sendExport } from './send-export.js';

const send = (response: Response, { entries, next }: HistoryPage): void => {
  response.set('cache-control', 'no-store').json({ entries, next: next ?? null });
};

/**
 * Histories, paged by cursor or exported whole: of a user from the replayed streams, of an organization by the index.
 */
@Controller('/api/v1')
export class HistoryController {
  readonly #api: HistoryApi;

  constructor(@Inject(AUDIT_DEPENDENCIES) private readonly dependencies: AuditDependencies) {
    this.#api = new HistoryApi(dependencies);
  }

  @Get('/users/:userId/history')
  async user(@Param('userId') userId: string, @Req() request: Request, @Res() response: Response): Promise<void> {
    const call = await this.#api.accept(request, response, historyQuerySchema, userId);
    if (!call) return;
    await call.record('history');
    send(response, await readHistory(this.dependencies.store, userId, call.query));
  }

  @Get('/users/:userId/history/export')
  async exportUser(@Param('userId') userId: string, @Req() request: Request, @Res() response: Response): Promise<void> {
    const call = await this.#api.accept(request, response, exportQuerySchema, userId);
    if (!call) return;
    await call.record('export');
    await sendExport(
      response,
      userEvents(this.dependencies.store, userId, { ...call.query, piece: EXPORT_PIECE }),
      call.query,
    );
  }

  @Get('/history')
  async organization(@Req() request: Request, @Res() response: Response): Promise<void> {
    const call = await this.#api.accept(request, response, historyQuerySchema);
    if (!call) return;
    await call.record('history');
    const { store, index } = this.dependencies;
    const { query, organizationId } = call;
    send(
      response,
      await pageOf(organizationEvents(store, index, organizationId, { ...query, piece: query.limit + 1 }), query),
    );
  }

  @Get('/history/export')
  async exportOrganization(@Req() request: Request, @Res() response: Response): Promise<void> {
    const call = await this.#api.accept(request, response, exportQuerySchema);
    if (!call) return;
    await call.record('export');
    const { store, index } = this.dependencies;
    await sendExport(
      response,
      organizationEvents(store, index, call.organizationId, { ...call.query, piece: EXPORT_PIECE }),
      call.query,
    );
  }
}
