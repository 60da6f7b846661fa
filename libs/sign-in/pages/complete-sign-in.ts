import type { Request, Response } from 'express';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import { loadOrganization } from '#libs/organizations/queries/load-organization.js';
import type { SignInInteraction } from '../interactions.js';
import { freshnessOf } from '../asked-authentication.js';
import { appendActivity, authenticatedAt, openSession, renewSession } from '../open-session.js';
import type { OpenSessionRequest, SignInMethod } from '../open-session.js';
import { REVIEW_PATH } from '../sign-in-dependencies.js';
import type { SignInDependencies } from '../sign-in-dependencies.js';

/** A person who was recognized, and what waits for them. */
export interface Recognized extends Omit<OpenSessionRequest, 'lifetimeS' | 'context'> {
  readonly interaction: SignInInteraction | undefined;
  /** The provider's policy takes a full new round trip for a fresh authentication. */
  readonly roundTripCounts?: boolean;
  readonly context: CommandContext;
}

export type SignInCompletion =
  /** The browser has its session; send it there. */
  | { readonly kind: 'signed_in'; readonly continueAt: string }
  /** What the app asked of the authentication is not proven: it is told so there, and nobody is signed in (L33). */
  | { readonly kind: 'login_required'; readonly continueAt: string }
  | { readonly kind: 'refused'; readonly code: 'account_not_found' | 'sign_in_expired'; readonly detail: string };

/**
 * From a recognized person to a session of this browser: events first, then the session, then whoever waits for the
 * sign-in.
 */
export const completeSignIn = async (
  dependencies: SignInDependencies,
  { interaction, roundTripCounts = false, ...recognized }: Recognized,
  request: Request,
  response: Response,
): Promise<SignInCompletion> => {
  const { store, interactions, continuations, clock } = dependencies;
  const { userId, organizationId } = recognized;
  const method = methodFor(interaction, recognized.method, roundTripCounts, clock());
  if (!method) return backUnproven(dependencies, interaction);
  const context: CommandContext = {
    ...recognized.context,
    organizationId,
    actor: { type: 'user', id: userId },
    ...(interaction ? { clientId: interaction.clientId } : {}),
  };
  const { loginPolicy } = await loadOrganization(store, organizationId);
  const ready = { ...recognized, method, lifetimeS: loginPolicy.sessionLifetimeS, context };
  const signedIn = await signInBrowser(dependencies, ready, request, response);
  if (signedIn.kind === 'refused') return signedIn;
  if (!interaction) continuations.rememberOrganization(organizationId, response);
  const atTheApp = interaction && (await interactions.finishInteraction(interaction.uid, signedIn.sessionId));
  if (interaction && atTheApp === undefined) return OVER;
  if (!signedIn.isReviewDue)
    return { kind: 'signed_in', continueAt: atTheApp ?? continuations.leave(request, response) };
  // The review comes first, and then what waits (L32).
  if (atTheApp !== undefined) continuations.remember({ path: new URL(atTheApp).pathname }, request, response);
  return { kind: 'signed_in', continueAt: REVIEW_PATH };
};

const OVER = { kind: 'refused', code: 'sign_in_expired', detail: 'the interaction ended meanwhile' } as const;

/** What the app asked for cannot be proven by any way in, or was not: it gets `login_required`. */
export const backUnproven = async (
  { interactions }: SignInDependencies,
  interaction: SignInInteraction | undefined,
): Promise<SignInCompletion> => {
  const continueAt = interaction && (await interactions.abandonInteraction(interaction.uid, 'login_required'));
  return continueAt === undefined ? OVER : { kind: 'login_required', continueAt };
};

/**
 * The method as the session is to know it; nothing where it does not prove what the app asked for. A round trip that
 * counts says nothing of when the person authenticated.
 */
const methodFor = (
  interaction: SignInInteraction | undefined,
  method: SignInMethod,
  roundTripCounts: boolean,
  now: Date,
): SignInMethod | undefined => {
  const freshness = interaction
    ? freshnessOf(interaction, { at: authenticatedAt(method, now), roundTripCounts }, now)
    : 'proven';
  if (freshness === 'unproven') return undefined;
  return freshness === 'by_round_trip' && method.kind === 'external_identity'
    ? { ...method, authenticatedAt: undefined }
    : method;
};

type SignedIn =
  | { readonly kind: 'signed_in'; readonly sessionId: string; readonly isReviewDue: boolean }
  | Extract<SignInCompletion, { readonly kind: 'refused' }>;

/**
 * A session of this browser for the person: the one that it has when it is theirs, so that what other apps got in it
 * stays; else a new one, and somebody else's ends.
 */
const signInBrowser = async (
  dependencies: SignInDependencies,
  ready: OpenSessionRequest,
  request: Request,
  response: Response,
): Promise<SignedIn> => {
  const { sessions } = dependencies;
  const current = await sessions.current(request, response);
  const revoked = { kind: 'refused', code: 'account_not_found', detail: 'revoked while it was in flight' } as const;
  if (current?.userId === ready.userId && current.organizationId === ready.organizationId) {
    const { sessionId } = current;
    const renewed = await renewSession(dependencies, ready, sessionId);
    if (renewed.kind === 'refused') return revoked;
    if (renewed.kind === 'renewable')
      return (await sessions.renew(sessionId, renewed.by, request, response))
        ? { kind: 'signed_in', sessionId, isReviewDue: renewed.isReviewDue }
        : revoked;
  }
  const opened = await openSession(dependencies, ready);
  if (opened.kind === 'refused') return revoked;
  const { sessionId } = opened;
  const replaced = await sessions.current(request, response);
  if (!(await sessions.activate(sessionId, request, response))) return revoked;
  if (replaced) await noteReplaced(dependencies, replaced, ready.context);
  return { kind: 'signed_in', sessionId, isReviewDue: opened.isReviewDue };
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
