import { Body, Controller, Get, Inject, Param, Post } from '@nestjs/common';
import { Public } from '#libs/web/access/access.js';
import { page, redirect } from '#libs/web/answer.js';
import type { PageAnswer, RedirectAnswer } from '#libs/web/answer.js';
import { CurrentBrowser } from '#libs/web/browser.js';
import type { Browser } from '#libs/web/browser.js';
import { RefusedPage } from '#libs/web/refused.js';
import type { RunningInteraction } from '../open-id-provider.js';
import { OPENID_TEXTS as texts } from '../texts.js';
import { CONSENT_DEPENDENCIES, consentPath } from './consent-dependencies.js';
import type { ConsentDependencies } from './consent-dependencies.js';
import { ConsentPage } from './consent-page.js';

type Asked = RunningInteraction & { readonly userId: string };

const expired = (code: 'consent_expired' | 'form_expired', status: number): RefusedPage =>
  new RefusedPage({ status, code, title: texts.pageExpired, nextStep: texts.goBackAndStartAgain });

/** A user agrees, or does not, to what an app asks for (OIDC Core 3.1.2.4). */
@Controller('/consent/:uid')
@Public()
export class ConsentController {
  constructor(@Inject(CONSENT_DEPENDENCIES) private readonly dependencies: ConsentDependencies) {}

  @Get()
  async show(@Param('uid') uid: string, @CurrentBrowser() browser: Browser): Promise<PageAnswer> {
    const { appName, asksFor, organizationId, redirectOrigin } = await this.#asked(uid, browser);
    browser.brand(await this.dependencies.brandingOf(organizationId));
    const path = consentPath(uid);
    return page(<ConsentPage app={appName} asksFor={asksFor} action={path} csrf={browser.issueCsrf(path)} />, {
      formTargets: redirectOrigin === undefined ? [] : [redirectOrigin],
    });
  }

  @Post()
  async answer(
    @Param('uid') uid: string,
    @Body() form: Readonly<Record<string, unknown>>,
    @CurrentBrowser() browser: Browser,
  ): Promise<RedirectAnswer> {
    const { openIdProvider, onConsentGranted } = this.dependencies;
    if (!browser.holdsCsrf(form.csrf, consentPath(uid))) throw expired('form_expired', 403);
    const { userId, clientId, organizationId, asksFor } = await this.#asked(uid, browser);
    const allowed = form.answer === 'allow';
    const meta = browser.meta({ type: 'user', id: userId }, { organizationId, clientId });
    if (allowed) await onConsentGranted(userId, clientId, asksFor, meta);
    const next = allowed ? await openIdProvider.giveConsent(uid, userId) : await openIdProvider.abandonInteraction(uid);
    if (next === undefined) throw expired('consent_expired', 400);
    return redirect(next);
  }

  /** What this browser's user is asked, in the very session that the request was made in. */
  async #asked(uid: string, browser: Browser): Promise<Asked> {
    const { openIdProvider } = this.dependencies;
    const { request, response } = browser;
    const interaction = await openIdProvider.findInteraction(request, response);
    browser.preferLocales(interaction?.uiLocales);
    const session = await openIdProvider.current(request, response);
    const { userId } = interaction ?? {};
    if (!interaction || userId === undefined || interaction.uid !== uid || interaction.waitsFor !== 'consent')
      throw expired('consent_expired', 400);
    if (session?.userId !== userId || session.organizationId !== interaction.organizationId)
      throw expired('consent_expired', 400);
    return { ...interaction, userId };
  }
}
