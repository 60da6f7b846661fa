import { createParamDecorator } from '@nestjs/common';
import type { ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';
import type { CommandContext } from '#libs/event-store/event-metadata.js';

/** A call by a client that may make it, in its organization. */
export interface ClientCall {
  readonly clientId: string;
  readonly organizationId: string;
  /** What the call brings to the events that it causes. */
  readonly meta: CommandContext;
}

const calls = new WeakMap<Request, ClientCall>();

export const setClientCall = (request: Request, call: ClientCall): void => void calls.set(request, call);

/** The client that a {@link RequirePermission} route has admitted. */
export const CurrentClient = createParamDecorator((_data: unknown, context: ExecutionContext): ClientCall => {
  const call = calls.get(context.switchToHttp().getRequest<Request>());
  if (!call) throw new Error('A handler takes @CurrentClient() on a route without @RequirePermission(…)');
  return call;
});
