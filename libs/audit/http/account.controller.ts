import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import { z } from 'zod';
import { RequirePermission } from '#libs/web/access/access.js';
import { CurrentClient } from '#libs/web/access/client-call.js';
import type { ClientCall } from '#libs/web/access/client-call.js';
import { refusedQuery, ZodQuery } from '#libs/web/zod-parameters.js';
import { AUDIT_DEPENDENCIES } from '../audit-dependencies.js';
import type { AuditDependencies } from '../audit-dependencies.js';
import type { HistoryAccess } from '#libs/audit-access/events.js';
import { momentSchema } from '../moment.js';
import { readAccountAsOf, readDifference } from '../read-account.js';
import type { MomentRefused } from '../read-account.js';
import { HISTORY_SCOPE, HistoryReads } from './history-reads.js';
import type { Asked } from './history-reads.js';

const asOfQuerySchema = z.strictObject({ asOf: momentSchema.optional(), include: z.literal('sessions').optional() });
const differenceQuerySchema = z.strictObject({ from: momentSchema, to: momentSchema.optional() });

/** `/api/v1/users/{id}`: a user's account as of any point in time, and the difference between two. */
@Controller('/api/v1/users/:userId')
@RequirePermission(HISTORY_SCOPE)
export class AccountAsOfController {
  constructor(
    @Inject(AUDIT_DEPENDENCIES) private readonly dependencies: AuditDependencies,
    @Inject(HistoryReads) private readonly reads: HistoryReads,
  ) {}

  @Get()
  async asOf(
    @Param('userId') userId: string,
    @ZodQuery(asOfQuerySchema) { asOf, include }: z.output<typeof asOfQuerySchema>,
    @Query() asked: Asked,
    @CurrentClient() client: ClientCall,
  ): Promise<object> {
    await this.reads.requireUser(client, userId);
    const withSessions = include === 'sessions';
    const found = await readAccountAsOf(this.dependencies, userId, { moment: asOf, withSessions });
    return this.#recorded(found, 'as_of', client, asked, userId);
  }

  @Get('/difference')
  async difference(
    @Param('userId') userId: string,
    @ZodQuery(differenceQuerySchema) moments: z.output<typeof differenceQuerySchema>,
    @Query() asked: Asked,
    @CurrentClient() client: ClientCall,
  ): Promise<object> {
    await this.reads.requireUser(client, userId);
    const found = await readDifference(this.dependencies, userId, moments);
    return this.#recorded(found, 'difference', client, asked, userId);
  }

  async #recorded(
    found: { readonly kind: 'found'; readonly answer: object } | MomentRefused,
    access: HistoryAccess['access'],
    client: ClientCall,
    asked: Asked,
    userId: string,
  ): Promise<object> {
    if (found.kind === 'refused') throw refusedQuery(found);
    await this.reads.record(client, access, asked, userId);
    return found.answer;
  }
}
