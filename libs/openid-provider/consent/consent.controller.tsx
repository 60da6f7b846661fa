import { Body, Controller, Get, Inject, Param, Post, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { Public } from '#libs/web/access/access.js';
import { brandAnswer } from '#libs/web/branding.js';
import { browserIdOf, ensureBrowserId } from '#libs/web/browser-binding.js';
import { sendErrorPage } from '#libs/web/error-page.js';
import { preferUiLocales } from '#libs/web/locale.js';
import { contextOf } from '#libs/web/request-context.js';
import { sendPage } from '#libs/web/send-page.js';
import type { RunningInteraction } from '../open-id-provider.js';
import { OPENID_TEXTS as texts } from '../texts.js';
import { CONSENT_DEPENDENCIES, consentPath } from './consent-dependencies.js';
import type { ConsentDependencies } from './consent-dependencies.js';
import { ConsentPage } from './consent-page.js';

type Asked = RunningInteraction & { readonly userId: string };

/** A person agrees, or does not, to what an app asks for (OpenID Connect Core 3.1.2.4). */
@Controller('/consent/:uid')
@Public()
export class ConsentController {
  constructor(@Inject(CONSENT_DEPENDENCIES) private readonly dependencies: ConsentDependencies) {}

  @Get()
  async show(@Param('uid') uid: string, @Req() request: Request, @Res() response: Response): Promise<void> {
    const asked = await this.#asked(uid, request, response);
    if (!asked) return this.#refuse(response, 'consent_expired', 400);
    const { csrf, cookies, brandingOf } = this.dependencies;
    brandAnswer(response, await brandingOf(asked.organizationId));
    const path = consentPath(uid);
    const page = (
      <ConsentPage
        app={asked.appName}
        asksFor={asked.asksFor}
        action={path}
        csrf={csrf.issue(ensureBrowserId(request, response, cookies), path)}
      />
    );
    sendPage(response, page, { formTargets: asked.redirectOrigin === undefined ? [] : [asked.redirectOrigin] });
  }

  @Post()
  async answer(
    @Param('uid') uid: string,
    @Body() form: Readonly<Record<string, unknown>>,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const { openIdProvider, onConsentGranted, csrf, cookies, newId } = this.dependencies;
    if (!csrf.verify(form.csrf, browserIdOf(request, cookies), consentPath(uid)))
      return this.#refuse(response, 'form_expired', 403);
    const asked = await this.#asked(uid, request, response);
    if (!asked) return this.#refuse(response, 'consent_expired', 400);
    const { userId, clientId, organizationId, asksFor } = asked;
    if (form.answer === 'allow')
      await onConsentGranted(
        userId,
        clientId,
        asksFor,
        contextOf(request, newId, { type: 'user', id: userId }, { organizationId, clientId }),
      );
    const next =
      form.answer === 'allow'
        ? await openIdProvider.giveConsent(uid, userId)
        : await openIdProvider.abandonInteraction(uid);
    if (next === undefined) return this.#refuse(response, 'consent_expired', 400);
    response.redirect(303, next);
  }

  /** What this browser's person is asked, in the very session that the request was made in. */
  async #asked(uid: string, request: Request, response: Response): Promise<Asked | undefined> {
    const { openIdProvider } = this.dependencies;
    const interaction = await openIdProvider.findInteraction(request, response);
    preferUiLocales(response, interaction?.uiLocales);
    const session = await openIdProvider.current(request, response);
    const { userId } = interaction ?? {};
    if (!interaction || userId === undefined || interaction.uid !== uid || interaction.waitsFor !== 'consent')
      return undefined;
    return session?.userId === userId && session.organizationId === interaction.organizationId
      ? { ...interaction, userId }
      : undefined;
  }

  #refuse(response: Response, code: 'consent_expired' | 'form_expired', status: number): void {
    sendErrorPage(response, {
      status,
      code,
      title: texts.pageExpired,
      nextStep: texts.goBackAndStartAgain,
      correlationId: this.dependencies.newId(),
    });
  }
}
