import { Body, Controller, Get, Inject, Param, Post, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { signInOriginsOf } from '#libs/identity-providers/settings.js';
import { DEFAULT_ORGANIZATION } from '#libs/organizations/queries/default-organization.js';
import { browserIdOf, ensureBrowserId } from '#libs/web/browser-binding.js';
import { sendErrorPage } from '#libs/web/error-page.js';
import { renderPage } from '#libs/web/layout.js';
import { contextOf } from '#libs/web/request-context.js';
import { setPageHeaders } from '#libs/web/security-headers.js';
import type { FlowIntent } from '../external-sign-in.js';
import type { SignInInteraction } from '../interactions.js';
import { loadOfferedProviders } from '../offered-providers.js';
import type { OfferedProvider } from '../offered-providers.js';
import { recognizeByPassword } from '../password-sign-in.js';
import { callbackUrl, registrationPath, SIGN_IN_DEPENDENCIES, signInPath } from '../sign-in-dependencies.js';
import type { SignInDependencies } from '../sign-in-dependencies.js';
import { completeSignIn } from './complete-sign-in.js';
import { leaveForProvider } from './leave-for-provider.js';
import { signInRefusal } from './refusals.js';
import { SignInPage } from './sign-in-page.js';
import { formText, loginNameLabel } from './sign-in-texts.js';

/** Whom a sign-in page is for: a relying party that waits, or the account pages themselves. */
type Purpose = { readonly kind: 'interaction'; readonly interaction: SignInInteraction } | { readonly kind: 'account' };

const uidOf = (purpose: Purpose): string | undefined => (purpose.kind === 'interaction' ? purpose.interaction.uid : undefined);
const pathOf = (purpose: Purpose): string => signInPath(uidOf(purpose));
const waysInOf = (purpose: Purpose): string => signInPath(uidOf(purpose), { choose: true });
const organizationOf = (purpose: Purpose): string =>
  purpose.kind === 'interaction' ? purpose.interaction.organizationId : DEFAULT_ORGANIZATION;

/** What a form that came back shows beside what was typed. */
interface Again {
  readonly loginName: string | undefined;
  readonly code: string;
}

type Form = Readonly<Record<string, unknown>>;

@Controller()
export class SignInController {
  constructor(@Inject(SIGN_IN_DEPENDENCIES) private readonly dependencies: SignInDependencies) {}

  @Get('/sign-in')
  showForAccount(@Req() request: Request, @Res() response: Response): Promise<void> {
    return this.#show({ kind: 'account' }, request, response);
  }

  @Get('/sign-in/:uid')
  async showForInteraction(@Param('uid') uid: string, @Req() request: Request, @Res() response: Response): Promise<void> {
    const purpose = await this.#interaction(uid, request, response);
    if (purpose) await this.#show(purpose, request, response);
  }

  @Post('/sign-in/password')
  passwordForAccount(@Body() form: Form, @Req() request: Request, @Res() response: Response): Promise<void> {
    return this.#password({ kind: 'account' }, form, request, response);
  }

  @Post('/sign-in/:uid/password')
  async passwordForInteraction(
    @Param('uid') uid: string,
    @Body() form: Form,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const purpose = await this.#interaction(uid, request, response);
    if (purpose) await this.#password(purpose, form, request, response);
  }

  @Post('/sign-in/providers/:providerId')
  beginForAccount(
    @Param('providerId') providerId: string,
    @Body('csrf') csrf: unknown,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    return this.#begin({ kind: 'account' }, providerId, csrf, request, response);
  }

  @Post('/sign-in/:uid/providers/:providerId')
  async beginForInteraction(
    @Param('uid') uid: string,
    @Param('providerId') providerId: string,
    @Body('csrf') csrf: unknown,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const purpose = await this.#interaction(uid, request, response);
    if (purpose) await this.#begin(purpose, providerId, csrf, request, response);
  }

  /** The interaction that this browser is in, or an error page when it is not the one that the URL names. */
  async #interaction(uid: string, request: Request, response: Response): Promise<Purpose | undefined> {
    const interaction = await this.dependencies.interactions.findInteraction(request, response);
    if (interaction?.uid === uid) return { kind: 'interaction', interaction };
    sendErrorPage(response, signInRefusal('sign_in_expired', this.dependencies.newId()));
    return undefined;
  }

  /** The ways in. The one that the app wants, or exactly one and nothing to choose: straight through (C6), with the page as the way out. */
  async #show(purpose: Purpose, request: Request, response: Response, again?: Again): Promise<void> {
    const { store, csrf, cookies } = this.dependencies;
    const { organizationName, loginPolicy, providers } = await loadOfferedProviders(store, organizationOf(purpose));
    const browserId = ensureBrowserId(request, response, cookies);
    const hints = purpose.kind === 'interaction' ? purpose.interaction : undefined;
    const [only, ...others] = providers;
    const straightTo =
      providers.find(({ settings }) => settings.id === hints?.idpHint) ?? (others.length === 0 && !loginPolicy.password ? only : undefined);
    if (straightTo && !again && request.query.choose === undefined) return this.#leaveFor(straightTo, purpose, browserId, response);
    const path = pathOf(purpose);
    const appOrigin = purpose.kind === 'interaction' ? purpose.interaction.redirectOrigin : undefined;
    setPageHeaders(response, [...providers.flatMap(({ settings }) => signInOriginsOf(settings)), ...(appOrigin ? [appOrigin] : [])]);
    response
      .status(again ? 422 : 200)
      .type('html')
      .send(
        renderPage(
          <SignInPage
            organizationName={organizationName}
            providers={providers.map(({ settings }) => settings)}
            actionOf={(providerId) => `${path}/providers/${providerId}`}
            passwordAction={loginPolicy.password ? `${path}/password` : undefined}
            loginNameLabel={loginNameLabel(loginPolicy)}
            registrationHref={loginPolicy.registration && loginPolicy.password ? registrationPath(uidOf(purpose)) : undefined}
            recoveryHref={loginPolicy.recovery && loginPolicy.password ? `/recovery?organization=${organizationOf(purpose)}` : undefined}
            csrf={csrf.issue(browserId, path)}
            loginName={again?.loginName ?? hints?.loginHint}
            error={formText(again?.code)}
          />,
        ),
      );
  }

  async #password(purpose: Purpose, form: Form, request: Request, response: Response): Promise<void> {
    const { store, csrf, cookies, newId, logger } = this.dependencies;
    const browserId = browserIdOf(request, cookies);
    if (!csrf.verify(form.csrf, browserId, pathOf(purpose)))
      return sendErrorPage(response, signInRefusal('form_expired', newId(), waysInOf(purpose)));
    const organizationId = organizationOf(purpose);
    const context = contextOf(request, newId, { type: 'system', id: 'sign-in' }, { organizationId });
    const { loginPolicy } = await loadOfferedProviders(store, organizationId);
    const recognized = await recognizeByPassword(this.dependencies, {
      organizationId,
      loginPolicy,
      loginName: form.login,
      password: form.password,
      address: request.ip,
      context,
    });
    if (recognized.kind === 'refused') {
      logger.info({ correlationId: context.correlationId, refusal: recognized.code }, 'a sign-in was refused');
      if (recognized.code === 'too_many_attempts') response.set('retry-after', String(recognized.retryAfterS));
      const loginName = typeof form.login === 'string' ? form.login.slice(0, 320) : undefined;
      return this.#show(purpose, request, response, { loginName, code: recognized.code });
    }
    const completed = await completeSignIn(
      this.dependencies,
      {
        userId: recognized.userId,
        organizationId,
        method: { kind: 'password' },
        account: recognized.account,
        amr: ['pwd'],
        interaction: purpose.kind === 'interaction' ? purpose.interaction : undefined,
        context,
      },
      request,
      response,
    );
    if (completed.kind === 'signed_in') return response.redirect(303, completed.continueAt);
    logger.warn({ correlationId: context.correlationId, refusal: completed.code, detail: completed.detail }, 'a sign-in was refused');
    sendErrorPage(response, signInRefusal(completed.code, context.correlationId, waysInOf(purpose)));
  }

  async #begin(purpose: Purpose, providerId: string, token: unknown, request: Request, response: Response): Promise<void> {
    const { store, csrf, cookies, newId } = this.dependencies;
    const browserId = browserIdOf(request, cookies);
    if (!browserId || !csrf.verify(token, browserId, pathOf(purpose))) {
      return sendErrorPage(response, signInRefusal('form_expired', newId(), waysInOf(purpose)));
    }
    const { providers } = await loadOfferedProviders(store, organizationOf(purpose));
    const provider = providers.find(({ settings }) => settings.id === providerId);
    if (!provider) return sendErrorPage(response, signInRefusal('provider_not_allowed', newId(), waysInOf(purpose)));
    return this.#leaveFor(provider, purpose, browserId, response);
  }

  /** Begins a flow at a provider, and sends the browser there. */
  async #leaveFor({ settings }: OfferedProvider, purpose: Purpose, browserId: string, response: Response): Promise<void> {
    const { external, issuer, newId, logger } = this.dependencies;
    const intent: FlowIntent = { kind: 'sign-in', organizationId: organizationOf(purpose), interactionUid: uidOf(purpose) };
    const begun = await external.begin({ settings, intent, browserId, callbackUrl: callbackUrl(issuer, settings) });
    if (begun.kind !== 'refused') return leaveForProvider(response, begun);
    const correlationId = newId();
    logger.warn({ correlationId, providerId: settings.id, refusal: begun.code, detail: begun.detail }, 'a sign-in could not be begun');
    sendErrorPage(response, signInRefusal(begun.code, correlationId, waysInOf(purpose)));
  }
}
