import { Body, Controller, Delete, Get, Inject, Param, Post, Put, Req, Res } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { Request, Response } from 'express';
import { z } from 'zod';
import {
  DeactivateUser,
  EraseUser,
  GrantRole,
  ReactivateUser,
  RevokeRole,
} from '#libs/accounts/commands/account.command.js';
import { role } from '#libs/accounts/events.js';
import { loadErasure } from '#libs/accounts/queries/load-erasure.js';
import type { Erasure } from '#libs/accounts/queries/load-erasure.js';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import { UnlinkExternalIdentity } from '#libs/linking/commands/unlink-external-identity.command.js';
import { isUuid } from '#libs/platform/ids.js';
import { problem } from '#libs/platform/problem.js';
import { apiContextOf, authorizeApi, sendProblem } from '#libs/web/api-access.js';
import { ADMINISTRATION_DEPENDENCIES } from './administration-dependencies.js';
import type { AdministrationDependencies } from './administration-dependencies.js';

/** When a caller may look again whether an erasure is done. */
const RETRY_AFTER_SECONDS = '5';

/** The scope that lets a client administer its organization's users. */
export const USERS_SCOPE = 'users:write';

const TITLES: Readonly<Record<string, readonly [status: number, title: string]>> = {
  user_not_found: [404, 'There is no such user'],
  erasure_not_found: [404, 'There is no erasure of such a user'],
  identity_not_linked: [404, 'This identity is not linked to the user'],
  last_credential: [409, 'This is the last way in of an active user'],
  unlinking_not_allowed: [409, 'The organization does not allow unlinking this provider'],
  idempotency_key_reused: [422, 'This Idempotency-Key was used for another request'],
};

const unlinkSchema = z.strictObject({ force: z.boolean().default(false) });

/** An authorized call, about a user that may exist in the client's organization. */
interface Call {
  readonly target: { readonly userId: string; readonly organizationId: string };
  readonly context: CommandContext;
}

/**
 * `/api/v1/users/{id}`: commands on users of the client's organization. Each answers 204 when it is done, also when it
 * was done before; with an `Idempotency-Key` a repeated call has one effect. An erasure is answered 202, with an
 * address that says how far it is, as long as anything may show the person.
 */
@Controller('/api/v1/users/:userId')
export class UsersController {
  constructor(
    @Inject(ADMINISTRATION_DEPENDENCIES) private readonly dependencies: AdministrationDependencies,
    @Inject(CommandBus) private readonly commands: CommandBus,
  ) {}

  @Post('/deactivate')
  async deactivate(@Param('userId') userId: string, @Req() request: Request, @Res() response: Response): Promise<void> {
    const call = await this.#authorize(userId, request, response);
    if (call) this.#answer(response, await this.commands.execute(new DeactivateUser(call.target, call.context)));
  }

  @Post('/reactivate')
  async reactivate(@Param('userId') userId: string, @Req() request: Request, @Res() response: Response): Promise<void> {
    const call = await this.#authorize(userId, request, response);
    if (call) this.#answer(response, await this.commands.execute(new ReactivateUser(call.target, call.context)));
  }

  @Post('/erase')
  async erase(@Param('userId') userId: string, @Req() request: Request, @Res() response: Response): Promise<void> {
    const call = await this.#authorize(userId, request, response);
    if (!call) return;
    const erased = await this.commands.execute(new EraseUser(call.target, call.context));
    const erasure = erased.outcome.kind === 'done' ? await this.#erasureOf(call.target, 'within_bounds') : undefined;
    if (erasure?.status !== 'in_progress') return this.#answer(response, erased);
    response.location(`/api/v1/users/${userId}/erasure`).set('retry-after', RETRY_AFTER_SECONDS);
    response.status(202).json(erasure);
  }

  /** How far an erasure is: `{"status": "in_progress" | "done", "waitingFor": […]}`. */
  @Get('/erasure')
  async erasure(@Param('userId') userId: string, @Req() request: Request, @Res() response: Response): Promise<void> {
    const call = await this.#authorize(userId, request, response);
    if (!call) return;
    const erasure = await this.#erasureOf(call.target, 'not');
    if (!erasure) return this.#answer(response, { outcome: { kind: 'refused', code: 'erasure_not_found' } });
    if (erasure.status === 'in_progress') response.set('retry-after', RETRY_AFTER_SECONDS);
    response.json(erasure);
  }

  #erasureOf(target: Call['target'], wait: 'within_bounds' | 'not'): Promise<Erasure | undefined> {
    const { store, readModelsShowing } = this.dependencies;
    return loadErasure(store, target, (position) => readModelsShowing(position, wait));
  }

  @Put('/roles/:role')
  async grant(
    @Param('userId') userId: string,
    @Param('role') name: string,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const call = await this.#authorize(userId, request, response);
    const granted = call && this.#role(name, response);
    if (call && granted)
      this.#answer(response, await this.commands.execute(new GrantRole(call.target, granted, call.context)));
  }

  @Delete('/roles/:role')
  async revoke(
    @Param('userId') userId: string,
    @Param('role') name: string,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const call = await this.#authorize(userId, request, response);
    const revoked = call && this.#role(name, response);
    if (call && revoked)
      this.#answer(response, await this.commands.execute(new RevokeRole(call.target, revoked, call.context)));
  }

  /** `{"force": true}` also takes the last way in away: an administrator's decision (invariant 2). */
  @Post('/identities/:claimId/unlink')
  async unlink(
    @Param('userId') userId: string,
    @Param('claimId') claimId: string,
    @Body() body: unknown,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const call = await this.#authorize(userId, request, response);
    if (!call) return;
    const parsed = unlinkSchema.safeParse(body ?? {});
    if (!parsed.success) {
      const detail = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
      return this.#refuse(response, 400, 'body_invalid', 'The body cannot be used', detail);
    }
    if (!isUuid(claimId)) return this.#answer(response, { outcome: { kind: 'refused', code: 'identity_not_linked' } });
    const { organizationId } = call.target;
    this.#answer(
      response,
      await this.commands.execute(
        new UnlinkExternalIdentity(userId, organizationId, claimId, call.context, parsed.data.force),
      ),
    );
  }

  async #authorize(userId: string, request: Request, response: Response): Promise<Call | undefined> {
    const { newId } = this.dependencies;
    const access = await authorizeApi(request, response, { ...this.dependencies, scope: USERS_SCOPE });
    if (!access) return undefined;
    const context = apiContextOf(request, newId, access);
    if (!context) {
      this.#refuse(
        response,
        400,
        'idempotency_key_invalid',
        'The Idempotency-Key cannot be used',
        'Use 1 to 200 visible ASCII characters.',
      );
      return undefined;
    }
    if (isUuid(userId)) return { target: { userId, organizationId: access.organizationId }, context };
    this.#answer(response, { outcome: { kind: 'refused', code: 'user_not_found' } });
    return undefined;
  }

  #role(name: string, response: Response): z.infer<typeof role> | undefined {
    const parsed = role.safeParse(name);
    if (parsed.success) return parsed.data;
    this.#refuse(response, 404, 'role_unknown', 'There is no such role', `Roles are ${role.options.join(' and ')}.`);
    return undefined;
  }

  #answer(
    response: Response,
    { outcome }: { readonly outcome: { readonly kind: string; readonly code?: string } },
  ): void {
    if (outcome.kind !== 'refused') return void response.status(204).send();
    const code = outcome.code ?? 'refused';
    const [status, title] = TITLES[code] ?? [409, 'That is not possible'];
    this.#refuse(response, status, code, title);
  }

  #refuse(response: Response, status: number, code: string, title: string, detail?: string): void {
    sendProblem(
      response,
      problem(status, code, title, { instance: this.dependencies.newId(), ...(detail ? { detail } : {}) }),
    );
  }
}
