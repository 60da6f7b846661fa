import { Controller, Get, Inject, Param, Query, Req, Res } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { Request, Response } from 'express';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import { loadIdentityProvider } from '#libs/identity-providers/queries/load-identity-provider.js';
import { LoginViaIdp } from '#libs/linking/commands/login-via-idp.command.js';
import type { LoginResult } from '#libs/linking/commands/login-via-idp.command.js';
import type { FlowFacts } from '#libs/linking/login-via-idp.js';
import type { VerifiedAssertion } from '#libs/linking/verified-assertion.js';
import { slugSchema } from '#libs/platform/slug.js';
import { INSTALLATION_SUBJECT } from '#libs/privacy/subject-keys.js';
import { browserIdOf, ensureBrowserId } from '#libs/web/browser-binding.js';
import { sendErrorPage } from '#libs/web/error-page.js';
import { preferUiLocales } from '#libs/web/locale.js';
import { contextOf } from '#libs/web/request-context.js';
import { loadProviderInOrganization } from '#libs/linking/queries/providers-in-organization.js';
import type { FlowIntent } from '../external-sign-in.js';
import type { DecisionInputs } from '../open-session.js';
import { callbackUrl, pendingLinkPath, SIGN_IN_DEPENDENCIES, signInPath } from '../sign-in-dependencies.js';
import type { SignInDependencies } from '../sign-in-dependencies.js';
import { completeSignIn } from './complete-sign-in.js';
import { linkPending } from './link-pending.js';
import { signInRefusal } from './refusals.js';

type Intent<Kind extends FlowIntent['kind']> = Extract<FlowIntent, { kind: Kind }>;

/** One verified response, and what it takes to answer it. */
interface Answering {
  readonly assertion: VerifiedAssertion;
  readonly context: CommandContext;
  readonly request: Request;
  readonly response: Response;
}

/** Where external OpenID Providers send people back to. */
@Controller()
export class ProviderCallbackController {
  constructor(
    @Inject(SIGN_IN_DEPENDENCIES) private readonly dependencies: SignInDependencies,
    @Inject(CommandBus) private readonly commands: CommandBus,
  ) {}

  @Get('/providers/:providerId/callback')
  async complete(
    @Param('providerId') providerId: string,
    @Query() query: Record<string, unknown>,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const { store, external, cookies, issuer, newId } = this.dependencies;
    const context = contextOf(request, newId, { type: 'provider', id: providerId });
    const known = slugSchema.safeParse(providerId).success ? await loadIdentityProvider(store, providerId) : undefined;
    const browserId = browserIdOf(request, cookies);
    if (!known?.settings) return this.#refuse(response, context, 'provider_not_allowed', 'no such provider');
    if (!browserId) return this.#refuse(response, context, 'browser_mismatch', 'the browser has no binding cookie');
    const completed = await external.complete({ settings: known.settings, query, browserId, callbackUrl: callbackUrl(issuer, providerId) });
    if (completed.kind === 'refused') {
      return this.#refuse(response, context, completed.code, `${completed.step}: ${completed.detail ?? ''}`, completed.intent);
    }

    const { assertion, intent } = completed;
    const answering: Answering = { assertion, request, response, context: { ...context, organizationId: intent.organizationId } };
    switch (intent.kind) {
      case 'sign-in':
        return this.#signIn(intent, answering);
      case 'link':
        return this.#link(intent, answering);
      case 'proof':
        return this.#prove(intent, completed.reauthenticated, answering);
    }
  }

  async #signIn(intent: Intent<'sign-in'>, answering: Answering): Promise<void> {
    const { interactions } = this.dependencies;
    const { request, response } = answering;
    // The flow's row binds this browser to the one that began the flow, which had the interaction's own cookie.
    const interaction = intent.interactionUid === undefined ? undefined : await interactions.interactionByUid(intent.interactionUid);
    preferUiLocales(response, interaction?.uiLocales);
    if (interaction?.uid !== intent.interactionUid)
      return this.#refuse(response, answering.context, 'sign_in_expired', 'the interaction is over');
    const context = { ...answering.context, ...(interaction ? { clientId: interaction.clientId } : {}) };
    const kind = intent.pendingLinkId === undefined ? 'sign_in' : 'recognize';
    const result = await this.#login(answering.assertion, { kind, organizationId: intent.organizationId }, context);
    const { outcome, account } = result;
    if (outcome.kind === 'choose' || outcome.kind === 'offer_link') return this.#offer(result, intent, { ...answering, context });
    if (outcome.kind !== 'sign_in' && outcome.kind !== 'provisioned' && outcome.kind !== 'linked_automatically')
      return this.#refuseDecided(result, { ...answering, context }, intent);
    if (!account) throw new Error(`Row ${result.row} names a user without its account`);

    const { userId, claimId } = outcome;
    if (intent.pendingLinkId !== undefined) {
      const refusal = await linkPending(this.dependencies, this.commands, intent.pendingLinkId, userId, request, context);
      if (refusal) return this.#refuse(response, context, refusal, 'the proven account could not be linked', intent);
    }
    const { policy } = await loadProviderInOrganization(this.dependencies.store, intent.organizationId, answering.assertion.providerId);
    const completed = await completeSignIn(
      this.dependencies,
      {
        userId,
        organizationId: intent.organizationId,
        method: {
          kind: 'external_identity',
          providerId: answering.assertion.providerId,
          claimId,
          decision: decisionInputs(result, answering.assertion),
        },
        account,
        // A link yields what its provider's policy grants, no more (L30).
        acr: policy.grantsAcr,
        amr: answering.assertion.amr,
        interaction,
        context,
      },
      request,
      response,
    );
    if (completed.kind === 'refused') return this.#refuse(response, context, completed.code, completed.detail, intent);
    response.redirect(303, completed.continueAt);
  }

  /** The page of rows 3, 3′ and 5, with the assertion kept by the server. */
  async #offer(result: LoginResult, intent: Intent<'sign-in'>, { assertion, context, request, response }: Answering): Promise<void> {
    const { pendingLinks, attempts, cookies } = this.dependencies;
    const { outcome, identityKey, row, policyRevision } = result;
    if (outcome.kind !== 'choose' && outcome.kind !== 'offer_link') throw new Error(`Row ${row} offers nothing`);
    const pending = {
      assertion,
      identityKey,
      organizationId: intent.organizationId,
      interactionUid: intent.interactionUid,
      candidateId: outcome.kind === 'offer_link' ? outcome.candidateId : undefined,
      mayCreate: outcome.mayCreate,
      mayLink: outcome.kind === 'offer_link' || outcome.mayLink,
      row,
      policyRevision,
    };
    const id = await pendingLinks.create(pending, ensureBrowserId(request, response, cookies));
    const event = { type: 'LinkOffered', data: { providerId: assertion.providerId, ...decisionInputs(result, assertion) } } as const;
    await attempts.record(identityKey, event, INSTALLATION_SUBJECT, context);
    response.redirect(303, pendingLinkPath(id));
  }

  async #link(intent: Intent<'link'>, { assertion, context, request, response }: Answering): Promise<void> {
    const valid = (await this.#isSessionOf(intent, request, response)) && (await this.dependencies.reauthentications.isRecent(intent));
    const { organizationId, userId } = intent;
    const result = await this.#login(
      assertion,
      { kind: 'link', userId, valid, organizationId },
      { ...context, actor: { type: 'user', id: userId } },
    );
    const { outcome } = result;
    if (outcome.kind === 'linked') {
      await this.dependencies.sessions.rotate(intent.sessionId, request, response);
      return response.redirect(303, '/account?notice=linked');
    }
    if (outcome.kind === 'already_linked') return response.redirect(303, '/account?notice=already_linked');
    return this.#refuseDecided(result, { assertion, context, request, response });
  }

  async #prove(intent: Intent<'proof'>, reauthenticated: boolean, { assertion, context, request, response }: Answering): Promise<void> {
    const valid = reauthenticated && (await this.#isSessionOf(intent, request, response));
    const { organizationId, userId, sessionId, returnTo } = intent;
    const result = await this.#login(
      assertion,
      { kind: 'proof', userId, valid, organizationId },
      { ...context, actor: { type: 'user', id: userId } },
    );
    if (result.outcome.kind !== 'proven') return this.#refuseDecided(result, { assertion, context, request, response });
    await this.dependencies.reauthentications.record(sessionId, userId);
    await this.dependencies.sessions.rotate(sessionId, request, response);
    return response.redirect(303, returnTo);
  }

  #login(
    assertion: VerifiedAssertion,
    flow: FlowFacts & { readonly organizationId: string },
    context: CommandContext,
  ): Promise<LoginResult> {
    return this.commands.execute(new LoginViaIdp(assertion, flow, context));
  }

  /** The browser still has the very session that the flow was begun from. */
  async #isSessionOf(intent: Intent<'link' | 'proof'>, request: Request, response: Response): Promise<boolean> {
    const session = await this.dependencies.sessions.current(request, response);
    return session?.sessionId === intent.sessionId && session.userId === intent.userId && session.organizationId === intent.organizationId;
  }

  /** The table refused a proven identity: recorded under its key, so that its owner or an auditor can see it. */
  async #refuseDecided(result: LoginResult, { assertion, context, response }: Answering, intent?: FlowIntent): Promise<void> {
    const code = result.outcome.kind === 'refused' ? result.outcome.code : 'account_not_found';
    const event = { type: 'LoginFailed', data: { code, providerId: assertion.providerId, ...decisionInputs(result, assertion) } } as const;
    await this.dependencies.attempts.record(result.identityKey, event, INSTALLATION_SUBJECT, context);
    this.#refuse(response, context, code, `row ${result.row}`, intent);
  }

  /** Nothing was proven, or it was refused: a page with a stable code and a way back, a line in the log, no session. */
  #refuse(response: Response, context: CommandContext, code: string, detail: string, intent?: FlowIntent): void {
    this.dependencies.logger.warn(
      { correlationId: context.correlationId, provider: context.actor.id, refusal: code, detail },
      'a sign-in was refused',
    );
    sendErrorPage(response, signInRefusal(code, context.correlationId, startAgainAt(intent)));
  }
}

/** Back to the ways in, for the app that waits; or to the account. */
const startAgainAt = (intent: FlowIntent | undefined): string =>
  intent?.kind === 'sign-in' ? signInPath(intent.interactionUid, { choose: true, organizationId: intent.organizationId }) : '/account';

const decisionInputs = ({ row, policyRevision }: LoginResult, { claims }: VerifiedAssertion): DecisionInputs => ({
  row,
  policyRevision,
  assertedEmail: claims.email,
  assertedEmailVerified: claims.emailVerified,
  assertedUsername: claims.preferredUsername,
});
