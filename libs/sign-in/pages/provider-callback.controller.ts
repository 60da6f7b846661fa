import { Body, Controller, Get, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { Request, Response } from 'express';
import { z } from 'zod';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import { loadIdentityProvider } from '#libs/identity-providers/queries/load-identity-provider.js';
import { postsResponses } from '#libs/identity-providers/settings.js';
import type { IdentityProviderSettings } from '#libs/identity-providers/settings.js';
import { LoginViaIdp } from '#libs/linking/commands/login-via-idp.command.js';
import type { LoginResult } from '#libs/linking/commands/login-via-idp.command.js';
import type { FlowFacts } from '#libs/linking/login-via-idp.js';
import type { VerifiedAssertion } from '#libs/identity-providers/verified-assertion.js';
import { DEFAULT_ORGANIZATION } from '#libs/organizations/queries/default-organization.js';
import { slugSchema } from '#libs/platform/slug.js';
import { INSTALLATION_SUBJECT } from '#libs/privacy/subject-keys.js';
import { Public } from '#libs/web/access/access.js';
import { brandAnswer } from '#libs/web/branding.js';
import { ensureBrowserId } from '#libs/web/browser-binding.js';
import { sendErrorPage } from '#libs/web/error-page.js';
import { preferUiLocales } from '#libs/web/locale.js';
import { contextOf } from '#libs/web/request-context.js';
import { loadProviderInOrganization } from '#libs/linking/queries/providers-in-organization.js';
import type { BrowserSession } from '../browser-sessions.js';
import { asksForProof } from '../asked-authentication.js';
import { assertedInputs, externalMethodOf } from '../external-method.js';
import type { FlowIntent } from '../external-sign-in.js';
import { loadOfferedProviders } from '../offered-providers.js';
import type { DecisionInputs } from '../open-session.js';
import { callbackUrl, pendingLinkPath, SIGN_IN_DEPENDENCIES, signInPath } from '../sign-in-dependencies.js';
import type { SignInDependencies } from '../sign-in-dependencies.js';
import { authenticationContextOf } from '#libs/organizations/linking-policy.js';
import { backUnproven, completeSignIn } from './complete-sign-in.js';
import { linkPending } from './link-pending.js';
import { isRecentlyConfirmed } from '../recently-confirmed.js';
import { signInRefusal } from '../refusals.js';

type Intent<Kind extends FlowIntent['kind']> = Extract<FlowIntent, { kind: Kind }>;

/** One verified response, and what it takes to answer it. */
interface Answering {
  readonly assertion: VerifiedAssertion;
  readonly context: CommandContext;
  readonly request: Request;
  readonly response: Response;
}

const LINKED: ReadonlySet<LoginResult['outcome']['kind']> = new Set(['linked', 'linked_automatically', 'provisioned']);
const postedSchema = z.record(z.string().max(100), z.string());

/** Where external providers send people back to. */
@Controller(['/providers/:providerId/callback', '/providers/:providerId/acs'])
@Public()
export class ProviderCallbackController {
  constructor(
    @Inject(SIGN_IN_DEPENDENCIES) private readonly dependencies: SignInDependencies,
    @Inject(CommandBus) private readonly commands: CommandBus,
  ) {}

  /** From another site, so without our cookies: kept unread, until our own request that follows brings them. */
  @Post()
  async receive(
    @Param('providerId') providerId: string,
    @Body() body: unknown,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const { issuer, newId, postedResponses } = this.dependencies;
    const context = contextOf(request, newId, { type: 'provider', id: providerId });
    const settings = await this.#settingsOf(providerId, request);
    if (!settings || !postsResponses(settings))
      return this.#refuse(response, context, 'provider_not_allowed', 'it posts no responses');
    const parameters = postedSchema.safeParse(body);
    if (!parameters.success)
      return this.#refuse(response, context, 'response_unreadable', 'a field is missing or there twice');
    const handle = await postedResponses.keep(providerId, parameters.data);
    response.redirect(303, `${callbackUrl(issuer, settings)}?response=${handle}`);
  }

  @Get()
  async complete(
    @Param('providerId') providerId: string,
    @Query() query: Record<string, unknown>,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const { external, cookies, issuer, newId, postedResponses } = this.dependencies;
    const context = contextOf(request, newId, { type: 'provider', id: providerId });
    const settings = await this.#settingsOf(providerId, request);
    if (!settings) return this.#refuse(response, context, 'provider_not_allowed', 'no such provider');
    // A browser that has no id yet gets one that no flow is bound to.
    const browserId = ensureBrowserId(request, response, cookies);
    const parameters = postsResponses(settings) ? await postedResponses.take(providerId, query.response) : query;
    if (!parameters)
      return this.#refuse(response, context, 'response_unknown', 'no posted response waits under this handle');
    const completed = await external.complete({
      settings,
      parameters,
      browserId,
      callbackUrl: callbackUrl(issuer, settings),
    });
    if (completed.kind === 'refused') {
      const detail = `${completed.step}: ${completed.detail ?? ''}`;
      const back = await this.#backUnproven(completed.code, completed.intent);
      if (back === undefined) return this.#refuse(response, context, completed.code, detail, completed.intent);
      this.#log(context, completed.code, detail);
      return response.redirect(303, back);
    }

    const { assertion } = completed;
    const intent: FlowIntent =
      completed.kind === 'verified'
        ? completed.intent
        : { kind: 'sign-in', organizationId: settings.organizationId ?? DEFAULT_ORGANIZATION };
    const answering: Answering = {
      assertion,
      request,
      response,
      context: { ...context, organizationId: intent.organizationId },
    };
    switch (intent.kind) {
      case 'sign-in':
        return this.#signIn(intent, answering, completed.kind === 'unsolicited');
      case 'link':
        return this.#link(intent, answering);
      case 'proof':
        return this.#prove(intent, completed.kind === 'verified' && completed.reauthenticated, answering);
    }
  }

  /** The provider whose address this is. */
  async #settingsOf(providerId: string, { path }: Request): Promise<IdentityProviderSettings | undefined> {
    const { store } = this.dependencies;
    const settings = slugSchema.safeParse(providerId).success
      ? (await loadIdentityProvider(store, providerId)).settings
      : undefined;
    return settings && path === callbackUrl('', settings) ? settings : undefined;
  }

  /** Where to go when a provider's word on when the person authenticated is not believed, and an app asked for it. */
  async #backUnproven(code: string, intent: FlowIntent | undefined): Promise<string | undefined> {
    if (code !== 'auth_time_in_the_future' || intent?.kind !== 'sign-in' || intent.interactionUid === undefined)
      return undefined;
    const interaction = await this.dependencies.interactions.interactionByUid(intent.interactionUid);
    if (!interaction || !asksForProof(interaction.asked)) return undefined;
    const back = await backUnproven(this.dependencies, interaction);
    return back.kind === 'refused' ? undefined : back.continueAt;
  }

  async #signIn(intent: Intent<'sign-in'>, answering: Answering, unsolicited: boolean): Promise<void> {
    const { interactions } = this.dependencies;
    const { request, response } = answering;
    // The flow's row binds this browser to the one that began the flow, which had the interaction's own cookie.
    const interaction =
      intent.interactionUid === undefined ? undefined : await interactions.interactionByUid(intent.interactionUid);
    preferUiLocales(response, interaction?.uiLocales);
    if (interaction?.uid !== intent.interactionUid)
      return this.#refuse(response, answering.context, 'sign_in_expired', 'the interaction is over');
    const context = { ...answering.context, ...(interaction ? { clientId: interaction.clientId } : {}) };
    const kind = unsolicited ? 'unsolicited' : intent.pendingLinkId === undefined ? 'sign_in' : 'recognize';
    const result = await this.#login(answering.assertion, { kind, organizationId: intent.organizationId }, context);
    const { outcome, account } = result;
    if (outcome.kind === 'choose' || outcome.kind === 'offer_link')
      return this.#offer(result, intent, { ...answering, context });
    if (outcome.kind !== 'sign_in' && outcome.kind !== 'provisioned' && outcome.kind !== 'linked_automatically')
      return this.#refuseDecided(result, { ...answering, context }, intent);
    if (!account) throw new Error(`Row ${result.row} names a user without its account`);

    const { userId, claimId } = outcome;
    if (intent.pendingLinkId !== undefined) {
      const refusal = await linkPending(
        this.dependencies,
        this.commands,
        intent.pendingLinkId,
        { userId, proven: { kind: 'external_identity', claimId }, account },
        request,
        context,
      );
      if (refusal) return this.#refuse(response, context, refusal, 'the proven account could not be linked', intent);
    }
    const { policy, acrValues } = await loadProviderInOrganization(
      this.dependencies.store,
      intent.organizationId,
      answering.assertion.providerId,
    );
    const completed = await completeSignIn(
      this.dependencies,
      {
        userId,
        organizationId: intent.organizationId,
        method: externalMethodOf(answering.assertion, claimId, {
          row: result.row,
          policyRevision: result.policyRevision,
        }),
        account,
        ...authenticationContextOf(policy, answering.assertion, acrValues),
        roundTripCounts: policy.freshRoundTripCounts === true,
        interaction,
        context,
      },
      request,
      response,
    );
    if (completed.kind === 'refused') return this.#refuse(response, context, completed.code, completed.detail, intent);
    if (completed.kind === 'login_required') {
      const code = 'reauthentication_not_proven';
      await this.#recordFailure(code, result, answering.assertion, context);
      this.#log(context, code, 'the app asked for a fresh authentication');
    }
    response.redirect(303, completed.continueAt);
  }

  /** The page of rows 3, 3′ and 5, with the assertion kept by the server. */
  async #offer(
    result: LoginResult,
    intent: Intent<'sign-in'>,
    { assertion, context, request, response }: Answering,
  ): Promise<void> {
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
    const event = {
      type: 'LinkOffered',
      data: { providerId: assertion.providerId, ...decisionInputs(result, assertion) },
    } as const;
    await attempts.record(identityKey, event, INSTALLATION_SUBJECT, context);
    response.redirect(303, pendingLinkPath(id));
  }

  async #link(intent: Intent<'link'>, { assertion, context, request, response }: Answering): Promise<void> {
    const inSession = await this.#sessionOf(intent, request, response);
    const valid = inSession !== undefined && (await isRecentlyConfirmed(this.dependencies, intent));
    const { organizationId, userId } = intent;
    const result = await this.#login(
      assertion,
      { kind: 'link', userId, valid, inSession, organizationId },
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

  async #prove(
    intent: Intent<'proof'>,
    reauthenticated: boolean,
    { assertion, context, request, response }: Answering,
  ): Promise<void> {
    const valid = reauthenticated && (await this.#sessionOf(intent, request, response)) !== undefined;
    const { organizationId, userId, sessionId, returnTo } = intent;
    const result = await this.#login(
      assertion,
      { kind: 'proof', userId, valid, organizationId },
      { ...context, actor: { type: 'user', id: userId } },
    );
    if (result.outcome.kind !== 'proven') return this.#refuseDecided(result, { assertion, context, request, response });
    await this.dependencies.reauthentications.record(intent, {
      kind: 'external_identity',
      claimId: result.outcome.claimId,
    });
    await this.dependencies.sessions.rotate(sessionId, request, response);
    return response.redirect(303, returnTo);
  }

  async #login(
    assertion: VerifiedAssertion,
    flow: FlowFacts & { readonly organizationId: string },
    context: CommandContext,
  ): Promise<LoginResult> {
    const result = await this.commands.execute(new LoginViaIdp(assertion, flow, context));
    // What waited for a choice about this identity is over once it is linked, by whatever path (L9).
    if (LINKED.has(result.outcome.kind)) await this.dependencies.pendingLinks.discardOf(result.identityKey);
    return result;
  }

  /** The very session that the flow was begun from, where the browser still has it. */
  async #sessionOf(
    intent: Intent<'link' | 'proof'>,
    request: Request,
    response: Response,
  ): Promise<BrowserSession | undefined> {
    const session = await this.dependencies.sessions.current(request, response);
    const { sessionId, userId, organizationId } = intent;
    return session?.sessionId === sessionId && session.userId === userId && session.organizationId === organizationId
      ? session
      : undefined;
  }

  /** The table refused a proven identity: recorded under its key, so that its owner or an auditor can see it. */
  async #refuseDecided(
    result: LoginResult,
    { assertion, context, response }: Answering,
    intent?: FlowIntent,
  ): Promise<void> {
    const code = result.outcome.kind === 'refused' ? result.outcome.code : 'account_not_found';
    await this.#recordFailure(code, result, assertion, context);
    return this.#refuse(response, context, code, `row ${result.row}`, intent);
  }

  async #recordFailure(
    code: string,
    result: LoginResult,
    assertion: VerifiedAssertion,
    context: CommandContext,
  ): Promise<void> {
    const event = {
      type: 'LoginFailed',
      data: { code, providerId: assertion.providerId, ...decisionInputs(result, assertion) },
    } as const;
    // What is told of an identity that somebody owns is theirs, and goes with them (domain.md, "Privacy").
    await this.dependencies.attempts.record(result.identityKey, event, result.ownerId ?? INSTALLATION_SUBJECT, context);
  }

  /** Nothing was proven, or it was refused: a page with a stable code and a way back, a line in the log, no session. */
  async #refuse(
    response: Response,
    context: CommandContext,
    code: string,
    detail: string,
    intent?: FlowIntent,
  ): Promise<void> {
    this.#log(context, code, detail);
    if (intent) await this.#dress(intent, response);
    sendErrorPage(response, signInRefusal(code, context.correlationId, startAgainAt(intent)));
  }

  #log({ correlationId, actor }: CommandContext, refusal: string, detail: string): void {
    this.dependencies.logger.warn({ correlationId, provider: actor.id, refusal, detail }, 'a sign-in was refused');
  }

  /** In the look of the organization, and in the language of the app that waits. */
  async #dress(intent: FlowIntent, response: Response): Promise<void> {
    const { interactions, store } = this.dependencies;
    brandAnswer(response, (await loadOfferedProviders(store, intent.organizationId)).branding);
    if (intent.kind !== 'sign-in' || intent.interactionUid === undefined) return;
    preferUiLocales(response, (await interactions.interactionByUid(intent.interactionUid))?.uiLocales);
  }
}

/** Back to the ways in, for the app that waits; or to the account. */
const startAgainAt = (intent: FlowIntent | undefined): string =>
  intent?.kind === 'sign-in'
    ? signInPath(intent.interactionUid, { choose: true, organizationId: intent.organizationId })
    : '/account';

const decisionInputs = ({ row, policyRevision }: LoginResult, { claims }: VerifiedAssertion): DecisionInputs => ({
  row,
  policyRevision,
  ...assertedInputs(claims),
});
