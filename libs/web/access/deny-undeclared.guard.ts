import { Inject, Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { ACCESS } from './access-metadata.js';

/** Denies every route that does not declare who may call it. Global; the application does not start with such a route. */
@Injectable()
export class DenyUndeclaredGuard implements CanActivate {
  constructor(@Inject(Reflector) private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    return this.reflector.getAllAndOverride(ACCESS, [context.getHandler(), context.getClass()]) !== undefined;
  }
}
