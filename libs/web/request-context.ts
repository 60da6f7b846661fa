import { isIP } from 'node:net';
import type { Request } from 'express';
import type { Actor, CommandContext } from '#libs/event-store/event-metadata.js';
import type { NewId } from '#libs/platform/ids.js';
import { repairedLine } from '#libs/platform/text.js';

const MAX_USER_AGENT = 512;

/**
 * What a request brings to the events that it causes. The address is the peer's; a forwarded header counts only from
 * configured proxies (Express' "trust proxy"), and only where it is an address.
 */
export const contextOf = (
  request: Request,
  newId: NewId,
  actor: Actor,
  more: Pick<CommandContext, 'organizationId' | 'clientId'> = {},
): CommandContext => {
  const commandId = newId();
  const userAgent = repairedLine(request.get('user-agent') ?? '', MAX_USER_AGENT);
  return {
    commandId,
    correlationId: commandId,
    actor,
    ...more,
    source: { ...(isIP(request.ip ?? '') ? { address: request.ip } : {}), ...(userAgent ? { userAgent } : {}) },
  };
};
