import { applyDecorators, UseGuards } from '@nestjs/common';
import { declareAccess } from './access-metadata.js';
import { PermissionGuard } from './permission.guard.js';

/** Anyone may call the route: it authenticates the caller by itself, or reveals nothing. */
export const Public = (): MethodDecorator & ClassDecorator => declareAccess({ kind: 'public' });

/**
 * Clients with an access token of our own OpenID Provider that has the scope (RFC 6750), for the client's organization
 * only. The handler takes `@CurrentClient()`.
 */
export const RequirePermission = (permission: string): MethodDecorator & ClassDecorator =>
  applyDecorators(declareAccess({ kind: 'permission', permission }), UseGuards(PermissionGuard));
