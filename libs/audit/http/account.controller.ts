import { Controller, Get, Inject, Param, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { z } from 'zod';
import { AUDIT_DEPENDENCIES } from '../audit-dependencies.js';
import type { AuditDependencies } from '../audit-dependencies.js';
import { momentSchema } from '../moment.js';
import { readAccountAsOf, readDifference } from '../read-account.js';
import type { MomentRefused } from '../read-account.js';
import { HistoryApi } from './history-api.js';

const asOfQuerySchema = z.strictObject({ asOf: momentSchema.optional(), include: z.literal('sessions').optional() });
const differenceQuerySchema = z.strictObject({ from: momentSchema, to: momentSchema.optional() });

/** `/api/v1/users/{id}`: a user's account as of any moment, and the difference between two. */
@Controller('/api/v1/users/:userId')
export class AccountAsOfController {
  readonly #api: HistoryApi;

  constructor(@Inject(AUDIT_DEPENDENCIES) private readonly dependencies: AuditDependencies) {
    this.#api = new HistoryApi(dependencies);
  }

  @Get()
  async asOf(@Param('userId') userId: string, @Req() request: Request, @Res() response: Response): Promise<void> {
    const call = await this.#api.accept(request, response, asOfQuerySchema, userId);
    if (!call) return;
    const { asOf, include } = call.query;
    const found = await readAccountAsOf(this.dependencies, userId, {
      moment: asOf,
      withSessions: include === 'sessions',
    });
    await this.#send(response, found, () => call.record('as_of'));
  }

  @Get('/difference')
  async difference(@Param('userId') userId: string, @Req() request: Request, @Res() response: Response): Promise<void> {
    const call = await this.#api.accept(request, response, differenceQuerySchema, userId);
    if (!call) return;
    await this.#send(response, await readDifference(this.dependencies, userId, call.query), () =>
      call.record('difference'),
    );
  }

  async #send(
    response: Response,
    found: { readonly kind: 'found'; readonly answer: object } | MomentRefused,
    record: () => Promise<void>,
  ): Promise<void> {
    if (found.kind === 'refused')
      return this.#api.refuseQuery(response, { parameter: found.parameter, detail: found.detail });
    await record();
    response.set('cache-control', 'no-store').json(found.answer);
  }
}
