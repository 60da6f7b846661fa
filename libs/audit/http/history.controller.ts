import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import { RequirePermission } from '#libs/web/access/access.js';
import { CurrentClient } from '#libs/web/access/client-call.js';
import type { ClientCall } from '#libs/web/access/client-call.js';
import { ZodQuery } from '#libs/web/zod-parameters.js';
import { AUDIT_DEPENDENCIES } from '../audit-dependencies.js';
import type { AuditDependencies } from '../audit-dependencies.js';
import { pageOf, readHistory } from '../history.js';
import type { HistoryPage } from '../history.js';
import { historyQuerySchema } from '../history-query.js';
import type { HistoryQuery } from '../history-query.js';
import { organizationEvents } from '../organization-events.js';
import { HISTORY_SCOPE, HistoryReads } from './history-reads.js';
import type { Asked } from './history-reads.js';

const answer = ({ entries, next }: HistoryPage): object => ({ entries, next: next ?? null });

/** Histories, paged by cursor: of a user from the replayed streams, of an organization by the index. */
@Controller('/api/v1')
@RequirePermission(HISTORY_SCOPE)
export class HistoryController {
  constructor(
    @Inject(AUDIT_DEPENDENCIES) private readonly dependencies: AuditDependencies,
    @Inject(HistoryReads) private readonly reads: HistoryReads,
  ) {}

  @Get('/users/:userId/history')
  async user(
    @Param('userId') userId: string,
    @ZodQuery(historyQuerySchema) query: HistoryQuery,
    @Query() asked: Asked,
    @CurrentClient() client: ClientCall,
  ): Promise<object> {
    await this.reads.requireUser(client, userId);
    await this.reads.record(client, 'history', asked, userId);
    return answer(await readHistory(this.dependencies.store, userId, query));
  }

  @Get('/history')
  async organization(
    @ZodQuery(historyQuerySchema) query: HistoryQuery,
    @Query() asked: Asked,
    @CurrentClient() client: ClientCall,
  ): Promise<object> {
    await this.reads.record(client, 'history', asked);
    const { store, index } = this.dependencies;
    const events = organizationEvents(store, index, client.organizationId, { ...query, piece: query.limit + 1 });
    return answer(await pageOf(events, query));
  }
}
