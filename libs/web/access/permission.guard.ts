import { Inject, Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Request } from 'express';
import { newUuid } from '#libs/platform/ids.js';
import { RefusedCall } from '../refused.js';
import { contextOf } from '../request-context.js';
import { ACCESS } from './access-metadata.js';
import type { Access } from './access-metadata.js';
import { AccessTokens } from './access-tokens.js';
import { idempotent } from './idempotency.js';
import { setClientCall } from './client-call.js';

/** RFC 6750, section 2.1: the scheme is case-insensitive. */
const bearerToken = (request: Request): string | undefined =>
  /^bearer ([A-Za-z0-9\-._~+/]+=*)$/i.exec(request.get('authorization') ?? '')?.[1];

/** Admits clients whose access token has the scope that the route requires (RFC 6750, section 3). */
@Injectable()
export class PermissionGuard implements CanActivate {
  constructor(
    @Inject(AccessTokens) private readonly accessTokens: AccessTokens,
    @Inject(Reflector) private readonly reflector: Reflector,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const access = this.reflector.getAllAndOverride<Access>(ACCESS, [context.getHandler(), context.getClass()]);
    if (access.kind !== 'permission') return false;
    const request = context.switchToHttp().getRequest<Request>();
    const { clientId, organizationId } = await this.#authenticate(request, access.permission);
    const meta = contextOf(request, newUuid, { type: 'client', id: clientId }, { organizationId, clientId });
    setClientCall(request, { clientId, organizationId, meta: idempotent(request, meta) });
    return true;
  }

  async #authenticate(request: Request, scope: string) {
    const token = bearerToken(request);
    if (!token)
      throw new RefusedCall(401, 'token_missing', 'An access token is required', {
        headers: { 'www-authenticate': 'Bearer' },
        detail: `Send "Authorization: Bearer …" with the scope ${scope}.`,
      });
    const access = await this.accessTokens.verify(token, { scope });
    if (access.kind === 'valid') return access;
    const insufficient = access.code === 'insufficient_scope';
    throw new RefusedCall(insufficient ? 403 : 401, access.code, 'The access token cannot be used here', {
      headers: {
        'www-authenticate': `Bearer error="${access.code}"${insufficient ? `, scope="${scope}"` : ''}`,
      },
    });
  }
}
