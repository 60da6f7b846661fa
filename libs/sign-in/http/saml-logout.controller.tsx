import { Body, Controller, Get, Inject, Param, Post, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { VNode } from 'preact';
import { loadIdentityProvider } from '#libs/identity-providers/queries/load-identity-provider.js';
import { slugSchema } from '#libs/platform/slug.js';
import { Public } from '#libs/web/access/access.js';
import { sendErrorPage } from '#libs/web/error-page.js';
import { useLanguage } from '#libs/web/language.js';
import { Page } from '#libs/web/layout.js';
import { contextOf } from '#libs/web/request-context.js';
import { sendPage } from '#libs/web/send-page.js';
import { endSessionsFromProvider } from '../end-sessions-from-provider.js';
import type { SamlLogoutMessage } from '../external-sign-in.js';
import { SIGN_IN_TEXTS as texts } from '../texts.js';
import { callbackUrl, SIGN_IN_DEPENDENCIES } from '../sign-in-dependencies.js';
import type { SignInDependencies } from '../sign-in-dependencies.js';

const SignedOutPage = (): VNode => {
  const { t } = useLanguage();
  return (
    <Page title={t(texts.signedOut)}>
      <div class="card narrow">
        <h1>{t(texts.signedOut)}</h1>
        <p>{t(texts.signedOutAtProvider)}</p>
      </div>
    </Page>
  );
};

/**
 * Single logout that begins at a SAML provider (SAML profiles, section 4.4): ends the sessions that came from there, in
 * whatever browser they are. The browser only carries the message; none of its cookies is asked.
 */
@Controller('/providers/:providerId/slo')
@Public()
export class SamlLogoutController {
  constructor(@Inject(SIGN_IN_DEPENDENCIES) private readonly dependencies: SignInDependencies) {}

  @Get()
  byRedirect(
    @Param('providerId') providerId: string,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const [, rawQuery = ''] = request.originalUrl.split('?', 2);
    return this.#logout(providerId, { binding: 'redirect', rawQuery }, request, response);
  }

  @Post()
  byPost(
    @Param('providerId') providerId: string,
    @Body() body: Record<string, unknown> | undefined,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    return this.#logout(
      providerId,
      { binding: 'post', encoded: body?.SAMLRequest, relayState: body?.RelayState },
      request,
      response,
    );
  }

  async #logout(providerId: string, message: SamlLogoutMessage, request: Request, response: Response): Promise<void> {
    const { store, saml, issuer, newId, logger } = this.dependencies;
    const context = contextOf(request, newId, { type: 'provider', id: providerId });
    const { correlationId } = context;
    const refuse = (code: string, detail?: string): void => {
      logger.warn({ correlationId, provider: providerId, refusal: code, detail }, 'a logout message was refused');
      const wayBack = { href: '/account', label: texts.yourAccount };
      sendErrorPage(response, {
        status: 400,
        code,
        title: texts.nobodySignedOut,
        nextStep: texts.logoutNotAccepted,
        correlationId,
        wayBack,
      });
    };
    const settings = slugSchema.safeParse(providerId).success
      ? (await loadIdentityProvider(store, providerId)).settings
      : undefined;
    if (settings?.kind !== 'saml') return refuse('provider_not_allowed');
    const logout = await saml.readLogout(settings, callbackUrl(issuer, settings), message);
    if (logout.kind === 'refused') return refuse(logout.code, `${logout.step}: ${logout.detail ?? ''}`);
    let sessions = 0;
    for (const ended of logout.ended) {
      const outcome = await endSessionsFromProvider(this.dependencies, ended, context);
      if (outcome.kind === 'refused') return refuse(outcome.code);
      sessions += outcome.count;
    }
    logger.info({ correlationId, provider: providerId, sessions }, 'a provider ended sessions');
    if (logout.answerAt !== undefined) return response.redirect(303, logout.answerAt);
    sendPage(response, <SignedOutPage />);
  }
}
