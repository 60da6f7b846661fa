import { Controller, Get, Inject, Param, Query, Res } from '@nestjs/common';
import type { Response } from 'express';
import { RequirePermission } from '#libs/web/access/access.js';
import { CurrentClient } from '#libs/web/access/client-call.js';
import type { ClientCall } from '#libs/web/access/client-call.js';
import { ZodQuery } from '#libs/web/zod-parameters.js';
import { AUDIT_DEPENDENCIES } from '../audit-dependencies.js';
import type { AuditDependencies } from '../audit-dependencies.js';
import { EXPORT_PIECE } from '../export-lines.js';
import { exportQuerySchema } from '../history-query.js';
import type { ExportQuery } from '../history-query.js';
import { organizationEvents } from '../organization-events.js';
import { userEvents } from '../user-events.js';
import { HISTORY_SCOPE, HistoryReads } from './history-reads.js';
import type { Asked } from './history-reads.js';
import { sendExport } from './send-export.js';

/** Whole histories, as streams: each handler takes the response, and ends it by itself. */
@Controller('/api/v1')
@RequirePermission(HISTORY_SCOPE)
export class HistoryExportController {
  constructor(
    @Inject(AUDIT_DEPENDENCIES) private readonly dependencies: AuditDependencies,
    @Inject(HistoryReads) private readonly reads: HistoryReads,
  ) {}

  @Get('/users/:userId/history/export')
  async user(
    @Param('userId') userId: string,
    @ZodQuery(exportQuerySchema) query: ExportQuery,
    @Query() asked: Asked,
    @CurrentClient() client: ClientCall,
    @Res() response: Response,
  ): Promise<void> {
    await this.reads.requireUser(client, userId);
    await this.reads.record(client, 'export', asked, userId);
    await sendExport(response, userEvents(this.dependencies.store, userId, { ...query, piece: EXPORT_PIECE }), query);
  }

  @Get('/history/export')
  async organization(
    @ZodQuery(exportQuerySchema) query: ExportQuery,
    @Query() asked: Asked,
    @CurrentClient() client: ClientCall,
    @Res() response: Response,
  ): Promise<void> {
    await this.reads.record(client, 'export', asked);
    const { store, index } = this.dependencies;
    const events = organizationEvents(store, index, client.organizationId, { ...query, piece: EXPORT_PIECE });
    await sendExport(response, events, query);
  }
}
