import { Body, Controller, Get, Inject, Param, Post, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { signInOriginsOf } from '#libs/identity-providers/settings.js';
import { Public } from '#libs/web/access/access.js';
import { acrValuesToAsk } from '#libs/organizations/linking-policy.js';
import { browserIdOf, ensureBrowserId } from '#libs/web/browser-binding.js';
import { sendErrorPage } from '#libs/web/error-page.js';
import { contextOf } from '#libs/web/request-context.js';
import { sendPage } from '#libs/web/send-page.js';
import { asksForProof } from '../asked-authentication.js';
import type { FlowIntent } from '../external-sign-in.js';
import type { OfferedProvider } from '../offered-providers.js';
import { recognizeByPassword } from '../password-sign-in.js';
import { callbackUrl, registrationPath, SIGN_IN_DEPENDENCIES, signInPath } from '../sign-in-dependencies.js';
import type { SignInDependencies } from '../sign-in-dependencies.js';
import { backUnproven, completeSignIn } from './complete-sign-in.js';
import { leaveForProvider } from '../leave-for-provider.js';
import { loginNameLabel } from './login-name-label.js';
import { accountPurpose, interactionPurpose } from './purpose.js';
import type { Purpose } from './purpose.js';
import { signInRefusal } from '../refusals.js';
import { SignInPage } from './sign-in-page.js';
import { formText } from '../texts.js';

const pathOf = ({ interaction, organizationId }: Purpose): string => signInPath(interaction?.uid, { organizationId });
const waysInOf = ({ interaction, organizationId }: Purpose): string =>
  signInPath(interaction?.uid, { organizationId, choose: true });

/** Why the page is shown again: a form came back, or a provider could not be reached. */
type Again =
  | { readonly kind: 'form'; readonly loginName: string | undefined; readonly code: string }
  | { readonly kind: 'provider'; readonly providerId: string };

const AGAIN_STATUS = { form: 422, provider: 502 } as const;

type Form = Readonly<Record<string, unknown>>;

@Controller()
@Public()
export class SignInController {
  constructor(@Inject(SIGN_IN_DEPENDENCIES) private readonly dependencies: SignInDependencies) {}

  @Get(['/sign-in', '/o/:organization/sign-in'])
  async showForAccount(
    @Param('organization') organization: unknown,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const purpose = await accountPurpose(this.dependencies, organization, response);
    if (purpose) await this.#show(purpose, request, response);
  }

  @Get('/sign-in/:uid')
  async showForInteraction(
    @Param('uid') uid: string,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const purpose = await interactionPurpose(this.dependencies, uid, request, response);
    if (purpose) await this.#show(purpose, request, response);
  }

  @Post(['/sign-in/password', '/o/:organization/sign-in/password'])
  async passwordForAccount(
    @Param('organization') organization: unknown,
    @Body() form: Form,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const purpose = await accountPurpose(this.dependencies, organization, response);
    if (purpose) await this.#password(purpose, form, request, response);
  }

  @Post('/sign-in/:uid/password')
  async passwordForInteraction(
    @Param('uid') uid: string,
    @Body() form: Form,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const purpose = await interactionPurpose(this.dependencies, uid, request, response);
    if (purpose) await this.#password(purpose, form, request, response);
  }

  @Post(['/sign-in/providers/:providerId', '/o/:organization/sign-in/providers/:providerId'])
  async beginForAccount(
    @Param('organization') organization: unknown,
    @Param('providerId') providerId: string,
    @Body('csrf') csrf: unknown,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const purpose = await accountPurpose(this.dependencies, organization, response);
    if (purpose) await this.#begin(purpose, providerId, csrf, request, response);
  }

  @Post('/sign-in/:uid/providers/:providerId')
  async beginForInteraction(
    @Param('uid') uid: string,
    @Param('providerId') providerId: string,
    @Body('csrf') csrf: unknown,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const purpose = await interactionPurpose(this.dependencies, uid, request, response);
    if (purpose) await this.#begin(purpose, providerId, csrf, request, response);
  }

  /** Back to the app, without a sign-in: always a way out. */
  @Post('/sign-in/:uid/abandon')
  async abandon(
    @Param('uid') uid: string,
    @Body('csrf') csrf: unknown,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const purpose = await interactionPurpose(this.dependencies, uid, request, response);
    if (!purpose || !this.#authorize(purpose, csrf, request, response)) return;
    const backAtTheApp = await this.dependencies.interactions.abandonInteraction(uid);
    if (backAtTheApp !== undefined) return response.redirect(303, backAtTheApp);
    sendErrorPage(response, signInRefusal('sign_in_expired', this.dependencies.newId()));
  }

  /** The browser that the form was made for, or an answer that the person has to begin again. */
  #authorize(purpose: Purpose, token: unknown, request: Request, response: Response): string | undefined {
    const { csrf, cookies, newId } = this.dependencies;
    const browserId = browserIdOf(request, cookies);
    if (browserId !== undefined && csrf.verify(token, browserId, pathOf(purpose))) return browserId;
    sendErrorPage(response, signInRefusal('form_expired', newId(), waysInOf(purpose)));
    return undefined;
  }

  /**
   * The ways in. The one that the app wants, or exactly one and nothing to choose: straight through (C6), with the page
   * as the way out.
   */
  async #show(purpose: Purpose, request: Request, response: Response, again?: Again): Promise<void> {
    const { csrf, cookies, providerHealth } = this.dependencies;
    const { interaction, organizationId, loginPolicy, providers, cannotProve } = purpose;
    if (cannotProve.length > 0 && providers.length === 0 && !loginPolicy.password)
      return this.#backUnproven(purpose, response);
    const browserId = ensureBrowserId(request, response, cookies);
    const [only, ...others] = providers;
    const straightTo =
      providers.find(({ settings }) => settings.id === interaction?.idpHint) ??
      (others.length === 0 && !loginPolicy.password ? only : undefined);
    if (straightTo && !again && request.query.choose === undefined)
      return this.#leaveFor(straightTo, purpose, browserId, request, response);
    const isAway = (id: string): boolean =>
      providerHealth.isUnreachable(id) || (again?.kind === 'provider' && again.providerId === id);
    const path = pathOf(purpose);
    const { password, registration, recovery, loginNames } = loginPolicy;
    sendPage(
      response,
      <SignInPage
        app={interaction && { name: interaction.appName, abandonAction: `${path}/abandon` }}
        providers={providers.map(({ settings: { id, displayName } }) => ({ id, displayName, away: isAway(id) }))}
        actionOf={(providerId) => `${path}/providers/${providerId}`}
        passwordAction={password ? `${path}/password` : undefined}
        loginNameLabel={loginNameLabel(loginPolicy)}
        registrationHref={registration && password ? registrationPath(interaction?.uid, organizationId) : undefined}
        recoveryHref={recovery && password ? `/recovery?organization=${organizationId}` : undefined}
        verificationHref={
          password && !loginNames.includes('username') ? `/verification?organization=${organizationId}` : undefined
        }
        proofFor={interaction && asksForProof(interaction.asked) ? interaction.appName : undefined}
        cannotProve={cannotProve}
        csrf={csrf.issue(browserId, path)}
        loginName={again?.kind === 'form' ? again.loginName : interaction?.loginHint}
        error={formText(again?.kind === 'form' ? again.code : undefined)}
      />,
      {
        status: again ? AGAIN_STATUS[again.kind] : 200,
        formTargets: [
          ...providers.flatMap(({ settings }) => signInOriginsOf(settings)),
          ...(interaction?.redirectOrigin ? [interaction.redirectOrigin] : []),
        ],
      },
    );
  }

  /** None of the ways in can be what the app asked for. */
  async #backUnproven(purpose: Purpose, response: Response): Promise<void> {
    const completed = await backUnproven(this.dependencies, purpose.interaction);
    if (completed.kind !== 'refused') return response.redirect(303, completed.continueAt);
    sendErrorPage(response, signInRefusal(completed.code, this.dependencies.newId(), waysInOf(purpose)));
  }

  async #password(purpose: Purpose, form: Form, request: Request, response: Response): Promise<void> {
    if (this.#authorize(purpose, form.csrf, request, response) === undefined) return;
    const { newId, logger } = this.dependencies;
    const { organizationId, interaction, loginPolicy } = purpose;
    const context = contextOf(request, newId, { type: 'system', id: 'sign-in' }, { organizationId });
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
      return this.#show(purpose, request, response, { kind: 'form', loginName, code: recognized.code });
    }
    const { userId, account } = recognized;
    const completed = await completeSignIn(
      this.dependencies,
      { userId, organizationId, method: { kind: 'password' }, account, amr: ['pwd'], interaction, context },
      request,
      response,
    );
    if (completed.kind !== 'refused') return response.redirect(303, completed.continueAt);
    logger.warn(
      { correlationId: context.correlationId, refusal: completed.code, detail: completed.detail },
      'a sign-in was refused',
    );
    sendErrorPage(response, signInRefusal(completed.code, context.correlationId, waysInOf(purpose)));
  }

  async #begin(
    purpose: Purpose,
    providerId: string,
    token: unknown,
    request: Request,
    response: Response,
  ): Promise<void> {
    const browserId = this.#authorize(purpose, token, request, response);
    if (browserId === undefined) return;
    const provider = purpose.providers.find(({ settings }) => settings.id === providerId);
    if (!provider)
      return sendErrorPage(
        response,
        signInRefusal('provider_not_allowed', this.dependencies.newId(), waysInOf(purpose)),
      );
    return this.#leaveFor(provider, purpose, browserId, request, response);
  }

  /**
   * Begins a flow at a provider, and sends the browser there; or shows the other ways, when it cannot be reached (C7).
   */
  async #leaveFor(
    { settings, policy }: OfferedProvider,
    purpose: Purpose,
    browserId: string,
    request: Request,
    response: Response,
  ): Promise<void> {
    const { external, issuer, newId, logger } = this.dependencies;
    const { organizationId, interaction, loginPolicy } = purpose;
    const asked = interaction && {
      ...interaction.asked,
      acrValues: acrValuesToAsk(policy, interaction.asked.acrValues, loginPolicy.acrValues ?? []),
    };
    const intent: FlowIntent = { kind: 'sign-in', organizationId, interactionUid: interaction?.uid };
    const begun = await external.begin({
      settings,
      intent,
      browserId,
      callbackUrl: callbackUrl(issuer, settings),
      ...(asked ? { asked } : {}),
    });
    if (begun.kind !== 'refused') return leaveForProvider(response, begun, settings);
    const correlationId = newId();
    logger.warn(
      { correlationId, providerId: settings.id, refusal: begun.code, detail: begun.detail },
      'a sign-in could not be begun',
    );
    if (begun.code === 'provider_unreachable')
      return this.#show(purpose, request, response, { kind: 'provider', providerId: settings.id });
    sendErrorPage(response, signInRefusal(begun.code, correlationId, waysInOf(purpose)));
  }
}
