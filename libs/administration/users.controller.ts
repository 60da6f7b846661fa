import { Controller, Delete, Get, Inject, Param, Post, Put } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { z } from 'zod';
import {
  DeactivateUser,
  EraseUser,
  GrantRole,
  ReactivateUser,
  RevokeRole,
} from '#libs/users/commands/account.command.js';
import type { AccountTarget } from '#libs/users/commands/account.command.js';
import { role } from '#libs/users/events.js';
import type { Role } from '#libs/users/events.js';
import { loadErasure } from '#libs/users/queries/load-erasure.js';
import type { Erasure } from '#libs/users/queries/load-erasure.js';
import { UnlinkExternalIdentity } from '#libs/linking/commands/unlink-external-identity.command.js';
import { isUuid } from '#libs/platform/ids.js';
import { RequirePermission } from '#libs/web/access/access.js';
import { CurrentClient } from '#libs/web/access/client-call.js';
import type { ClientCall } from '#libs/web/access/client-call.js';
import { ApiAnswer } from '#libs/web/answer.js';
import { RefusedCall } from '#libs/web/refused.js';
import { ZodBody } from '#libs/web/zod-parameters.js';
import { ADMINISTRATION_DEPENDENCIES } from './administration-dependencies.js';
import type { AdministrationDependencies } from './administration-dependencies.js';
import { accepted, refusedCall } from './api-refusals.js';

/** When a caller may look again whether an erasure is done. */
const RETRY_AFTER_SECONDS = '5';

/** The scope that lets a client administer its organization's users. */
export const USERS_SCOPE = 'users:write';

const unlinkSchema = z.strictObject({ force: z.boolean().default(false) });

/** A user that may exist in the client's organization. @throws {RefusedCall} where it cannot */
const targetOf = (userId: string, { organizationId }: ClientCall): AccountTarget => {
  if (!isUuid(userId)) throw refusedCall('user_not_found');
  return { userId, organizationId };
};

const roleOf = (name: string): Role => {
  const parsed = role.safeParse(name);
  if (parsed.success) return parsed.data;
  throw new RefusedCall(404, 'role_unknown', 'There is no such role', {
    detail: `Roles are ${role.options.join(' and ')}.`,
  });
};

/**
 * `/api/v1/users/{id}`: commands on users of the client's organization. Each answers 204 when it is done, also when it
 * was done before; with an `Idempotency-Key` a repeated call has one effect. An erasure is answered 202, with an
 * address that says how far it is, as long as anything may show the person.
 */
@Controller('/api/v1/users/:userId')
@RequirePermission(USERS_SCOPE)
export class UsersController {
  constructor(
    @Inject(ADMINISTRATION_DEPENDENCIES) private readonly dependencies: AdministrationDependencies,
    @Inject(CommandBus) private readonly commands: CommandBus,
  ) {}

  @Post('/deactivate')
  async deactivate(@Param('userId') userId: string, @CurrentClient() client: ClientCall): Promise<void> {
    accepted((await this.commands.execute(new DeactivateUser(targetOf(userId, client), client.meta))).outcome);
  }

  @Post('/reactivate')
  async reactivate(@Param('userId') userId: string, @CurrentClient() client: ClientCall): Promise<void> {
    accepted((await this.commands.execute(new ReactivateUser(targetOf(userId, client), client.meta))).outcome);
  }

  @Post('/erase')
  async erase(@Param('userId') userId: string, @CurrentClient() client: ClientCall): Promise<ApiAnswer | undefined> {
    const target = targetOf(userId, client);
    accepted((await this.commands.execute(new EraseUser(target, client.meta))).outcome);
    const erasure = await this.#erasureOf(target, 'within_bounds');
    if (erasure?.status !== 'in_progress') return undefined;
    const location = `/api/v1/users/${userId}/erasure`;
    return new ApiAnswer(202, erasure, { location, 'retry-after': RETRY_AFTER_SECONDS });
  }

  /** How far an erasure is: `{"status": "in_progress" | "done", "waitingFor": […]}`. */
  @Get('/erasure')
  async erasure(@Param('userId') userId: string, @CurrentClient() client: ClientCall): Promise<ApiAnswer> {
    const erasure = await this.#erasureOf(targetOf(userId, client), 'not');
    if (!erasure) throw new RefusedCall(404, 'erasure_not_found', 'There is no erasure of such a user');
    return new ApiAnswer(200, erasure, erasure.status === 'in_progress' ? { 'retry-after': RETRY_AFTER_SECONDS } : {});
  }

  #erasureOf(target: AccountTarget, wait: 'within_bounds' | 'not'): Promise<Erasure | undefined> {
    const { store, readModelsShowing } = this.dependencies;
    return loadErasure(store, target, (position) => readModelsShowing(position, wait));
  }

  @Put('/roles/:role')
  async grant(
    @Param('userId') userId: string,
    @Param('role') name: string,
    @CurrentClient() client: ClientCall,
  ): Promise<void> {
    const command = new GrantRole(targetOf(userId, client), roleOf(name), client.meta);
    accepted((await this.commands.execute(command)).outcome);
  }

  @Delete('/roles/:role')
  async revoke(
    @Param('userId') userId: string,
    @Param('role') name: string,
    @CurrentClient() client: ClientCall,
  ): Promise<void> {
    const command = new RevokeRole(targetOf(userId, client), roleOf(name), client.meta);
    accepted((await this.commands.execute(command)).outcome);
  }

  /** `{"force": true}` also removes the last sign-in method: an administrator's decision (invariant 2). */
  @Post('/identities/:claimId/unlink')
  async unlink(
    @Param('userId') userId: string,
    @Param('claimId') claimId: string,
    @ZodBody(unlinkSchema) { force }: z.output<typeof unlinkSchema>,
    @CurrentClient() client: ClientCall,
  ): Promise<void> {
    const { organizationId } = targetOf(userId, client);
    if (!isUuid(claimId)) throw refusedCall('identity_not_linked');
    const command = new UnlinkExternalIdentity(userId, organizationId, claimId, client.meta, force);
    accepted((await this.commands.execute(command)).outcome);
  }
}
