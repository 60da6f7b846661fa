import { createHash } from 'node:crypto';
import type { Request, Response } from 'express';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import type { NewId } from '#libs/platform/ids.js';
import { problem, PROBLEM_MEDIA_TYPE } from '#libs/platform/problem.js';
import type { Problem } from '#libs/platform/problem.js';
import { contextOf } from './request-context.js';

/** Checks a bearer token of our own OpenID Provider. */
export type VerifyAccessToken = (
  token: string,
  required: { readonly scope: string },
) => Promise<
  | { readonly kind: 'valid'; readonly clientId: string; readonly organizationId: string }
  | { readonly kind: 'refused'; readonly code: 'invalid_token' | 'insufficient_scope' }
>;

/** A client that may do what it asks for, in its organization. */
export interface ApiAccess {
  readonly clientId: string;
  readonly organizationId: string;
}

export const sendProblem = (response: Response, document: Problem): void => {
  response.status(document.status).type(PROBLEM_MEDIA_TYPE).send(JSON.stringify(document));
};

/** RFC 6750, section 2.1: the scheme is case-insensitive. */
const bearerToken = (request: Request): string | undefined =>
  /^bearer ([A-Za-z0-9\-._~+/]+=*)$/i.exec(request.get('authorization') ?? '')?.[1];

/** Who calls, or an answer that says why the call is refused (RFC 6750, section 3). */
export const authorizeApi = async (
  request: Request,
  response: Response,
  {
    verifyAccessToken,
    newId,
    scope,
  }: { readonly verifyAccessToken: VerifyAccessToken; readonly newId: NewId; readonly scope: string },
): Promise<ApiAccess | undefined> => {
  const token = bearerToken(request);
  if (!token) {
    response.set('www-authenticate', 'Bearer');
    const detail = `Send "Authorization: Bearer …" with the scope ${scope}.`;
    sendProblem(response, problem(401, 'token_missing', 'An access token is required', { instance: newId(), detail }));
    return undefined;
  }
  const access = await verifyAccessToken(token, { scope });
  if (access.kind === 'valid') return access;
  const insufficient = access.code === 'insufficient_scope';
  response.set('www-authenticate', `Bearer error="${access.code}"${insufficient ? `, scope="${scope}"` : ''}`);
  sendProblem(
    response,
    problem(insufficient ? 403 : 401, access.code, 'The access token cannot be used here', { instance: newId() }),
  );
  return undefined;
};

const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,200}$/;
const sha256 = (...parts: readonly string[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('base64url');

/**
 * What an API call brings to the events that it causes. With an `Idempotency-Key` the command's id is a hash of the
 * client, its organization, the route and the key, so that a repeated call is the same command; what it says is kept as
 * a hash, so that the same key with another body is refused (domain.md, "Ids").
 * @returns nothing when the key cannot be used
 */
export const apiContextOf = (
  request: Request,
  newId: NewId,
  { clientId, organizationId }: ApiAccess,
): CommandContext | undefined => {
  const context = contextOf(request, newId, { type: 'client', id: clientId }, { organizationId, clientId });
  const key = request.get('idempotency-key');
  if (key === undefined) return context;
  if (!IDEMPOTENCY_KEY.test(key)) return undefined;
  return {
    ...context,
    commandId: sha256('client', clientId, organizationId, request.method, request.path, key),
    bodyHash: sha256(JSON.stringify(request.body ?? null)),
  };
};
