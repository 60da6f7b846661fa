import { createHash } from 'node:crypto';
import type { Request } from 'express';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import { RefusedCall } from '../refused.js';

const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,200}$/;
const sha256 = (...parts: readonly string[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('base64url');

/**
 * With an `Idempotency-Key` a command's id is a hash of the client, its organization, the route and the key, so that a
 * repeated call is the same command; the body is kept as a hash, so that the same key with another body is refused
 * (domain.md, "Ids").
 */
export const idempotent = (request: Request, context: CommandContext): CommandContext => {
  const key = request.get('idempotency-key');
  if (key === undefined || request.method === 'GET') return context;
  if (!IDEMPOTENCY_KEY.test(key))
    throw new RefusedCall(400, 'idempotency_key_invalid', 'The Idempotency-Key cannot be used', {
      detail: 'Use 1 to 200 visible ASCII characters.',
    });
  const { clientId = '', organizationId = '' } = context;
  return {
    ...context,
    commandId: sha256('client', clientId, organizationId, request.method, request.path, key),
    bodyHash: sha256(JSON.stringify(request.body ?? null)),
  };
};
