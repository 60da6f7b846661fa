import type { Request, Response } from 'express';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import { loadOrganization } from '#libs/organizations/queries/load-organization.js';
import type { SignInInteraction } from '../interactions.js';
import { appendActivity, openSession } from '../open-session.js';
import type { OpenSessionRequest } from '../open-session.js';
import { REVIEW_PATH } from '../sign-in-dependencies.js';
import type { SignInDependencies } from '../sign-in-dependencies.js';

/** A person who was recognized, and what waits for them. */
export interface Recognized extends Omit<OpenSessionRequest, 'lifetimeS' | 'context'> {
  readonly interaction: SignInInteraction | undefined;
  readonly context: CommandContext;
}

export type SignInCompletion =
  /** The browser has its session; send it there. */
  | { readonly kind: 'signed_in'; readonly continueAt: string }
  | { readonly kind: 'refused'; readonly code: 'account_not_found' | 'sign_in_expired'; readonly detail: string };

/**
 * From a recognized person to a session of this browser: events first, then the session, then whoever waits for the
 * sign-in.
 */
export const completeSignIn = async (
  dependencies: SignInDependencies,
  { interaction, ...recognized }: Recognized,
  request: Request,
  response: Response,
): Promise<SignInCompletion> => {
  const { store, sessions, interactions, continuations } = dependencies;
  const { userId, organizationId } = recognized;
  const context: CommandContext = {
    ...recognized.context,
    organizationId,
    actor: { type: 'user', id: userId },
    ...(interaction ? { clientId: interaction.clientId } : {}),
  };
  const { loginPolicy } = await loadOrganization(store, organizationId);
  const opened = await openSession(dependencies, { ...recognized, lifetimeS: loginPolicy.sessionLifetimeS, context });
  if (opened.kind === 'refused') return { ...opened, detail: 'revoked while the sign-in was in flight' };
  const replaced = await sessions.current(request, response);
  if (!(await sessions.activate(opened.sessionId, request, response)))
    return { kind: 'refused', code: 'account_not_found', detail: 'the session was ended before it became active' };
  if (replaced) await noteReplaced(dependencies, replaced, context);
  if (!interaction) continuations.rememberOrganization(organizationId, response);
  const atTheApp = interaction && (await interactions.finishInteraction(interaction.uid, opened.sessionId));
  if (interaction && atTheApp === undefined)
    return { kind: 'refused', code: 'sign_in_expired', detail: 'the interaction ended meanwhile' };
  if (!opened.isReviewDue) return { kind: 'signed_in', continueAt: atTheApp ?? continuations.leave(request, response) };
  // The review comes first, and then what waits (L32).
  if (atTheApp !== undefined) continuations.remember({ path: new URL(atTheApp).pathname }, request, response);
  return { kind: 'signed_in', continueAt: REVIEW_PATH };
};

/** Who replaced another person's session is not that person's business. */
const noteReplaced = async (
  { store }: SignInDependencies,
  { sessionId, userId }: { readonly sessionId: string; readonly userId: string },
  by: CommandContext,
): Promise<void> => {
  const { source: _source, ...anonymous } = by;
  const context: CommandContext =
    by.actor.id === userId ? by : { ...anonymous, actor: { type: 'system', id: 'identity' } };
  await appendActivity(store, userId, [{ type: 'SessionEnded', data: { sessionId, reason: 'replaced' } }], context);
};
