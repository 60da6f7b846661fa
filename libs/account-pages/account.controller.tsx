import { Body, Controller, Get, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { Request, Response } from 'express';
import type { VNode } from 'preact';
import { UnlinkExternalIdentity } from '#libs/linking/commands/unlink-external-identity.command.js';
import { loadUserLinks } from '#libs/linking/queries/load-user-links.js';
import { isUuid } from '#libs/platform/ids.js';
import type { BrowserSession } from '#libs/sign-in/browser-sessions.js';
import type { FlowIntent } from '#libs/sign-in/external-sign-in.js';
import { loadOfferedProviders } from '#libs/sign-in/offered-providers.js';
import type { OfferedProvider } from '#libs/sign-in/offered-providers.js';
import { appendActivity } from '#libs/sign-in/open-session.js';
import { signInRefusal } from '#libs/sign-in/pages/refusals.js';
import { callbackUrl } from '#libs/sign-in/sign-in-dependencies.js';
import { browserIdOf, ensureBrowserId } from '#libs/web/browser-binding.js';
import { sendErrorPage } from '#libs/web/error-page.js';
import { renderPage } from '#libs/web/layout.js';
import { contextOf } from '#libs/web/request-context.js';
import { originOf, setPageHeaders } from '#libs/web/security-headers.js';
import { ACCOUNT_DEPENDENCIES } from './account-dependencies.js';
import type { AccountDependencies } from './account-dependencies.js';
import { AccountPage, ConfirmPage } from './account-page.js';
import { accountRefusal } from './refusals.js';

/** A form of the account pages that came with its token, from the browser and the session that it was made for. */
interface Authorized {
  readonly session: BrowserSession;
  readonly browserId: string;
}

/** The account pages: linked identities, link another, unlink, sign out. Sensitive changes need a recent re-authentication. */
@Controller('/account')
export class AccountController {
  constructor(
    @Inject(ACCOUNT_DEPENDENCIES) private readonly dependencies: AccountDependencies,
    @Inject(CommandBus) private readonly commands: CommandBus,
  ) {}

  @Get()
  async show(@Query('notice') notice: unknown, @Req() request: Request, @Res() response: Response): Promise<void> {
    const { store, sessions, readModels, csrf, cookies } = this.dependencies;
    const session = await sessions.current(request, response);
    if (!session) return response.redirect(303, '/sign-in');
    const { userId, organizationId, sessionId } = session;
    const [{ position }, { providers }] = await Promise.all([loadUserLinks(store, userId), loadOfferedProviders(store, organizationId)]);
    const [profile, identities] = await Promise.all([readModels.profile(userId, position), readModels.links(userId, position)]);
    const nameOf = (providerId: string): string =>
      providers.find(({ settings }) => settings.id === providerId)?.settings.displayName ?? providerId;
    this.#send(
      response,
      providers,
      <AccountPage
        userId={userId}
        displayName={profile?.displayName ?? null}
        identities={identities.map((identity) => ({ ...identity, providerName: nameOf(identity.providerId) }))}
        linkable={providers.filter(({ policy }) => policy.linkingAllowed).map(({ settings }) => settings)}
        notice={typeof notice === 'string' ? notice : undefined}
        csrf={csrf.issue(ensureBrowserId(request, response, cookies), sessionId)}
      />,
    );
  }

  @Get('/identities/link/:providerId')
  async confirmLink(@Param('providerId') providerId: string, @Req() request: Request, @Res() response: Response): Promise<void> {
    const session = await this.dependencies.sessions.current(request, response);
    if (!session) return response.redirect(303, '/sign-in');
    const { providers } = await loadOfferedProviders(this.dependencies.store, session.organizationId);
    const provider = providers.find(({ settings }) => settings.id === providerId);
    if (!provider) return this.#refuse(response, 'provider_not_allowed');
    const { displayName } = provider.settings;
    this.#send(
      response,
      providers,
      <ConfirmPage
        title={`Link ${displayName}`}
        explanation={`You are about to sign in at ${displayName}. The identity that you sign in with there is then linked to this account.`}
        action={`/account/identities/link/${providerId}`}
        button={`Continue to ${displayName}`}
        dangerous={false}
        csrf={this.#csrf(session, request, response)}
      />,
    );
  }

  @Post('/identities/link/:providerId')
  async link(
    @Param('providerId') providerId: string,
    @Body('csrf') csrf: unknown,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const authorized = await this.#authorize(csrf, request, response);
    if (!authorized) return;
    const { session } = authorized;
    const { providers } = await loadOfferedProviders(this.dependencies.store, session.organizationId);
    const provider = providers.find(({ settings }) => settings.id === providerId);
    if (!provider?.policy.linkingAllowed) return this.#refuse(response, provider ? 'linking_not_allowed' : 'provider_not_allowed');
    if (!(await this.dependencies.reauthentications.isRecent(session))) {
      return this.#reauthenticate(authorized, providers, `/account/identities/link/${providerId}`, response);
    }
    const { organizationId, userId, sessionId } = session;
    return this.#leaveFor(provider, { kind: 'link', organizationId, userId, sessionId }, authorized.browserId, response);
  }

  @Get('/identities/:claimId/unlink')
  async confirmUnlink(@Param('claimId') claimId: string, @Req() request: Request, @Res() response: Response): Promise<void> {
    const session = await this.dependencies.sessions.current(request, response);
    if (!session) return response.redirect(303, '/sign-in');
    if (!isUuid(claimId)) return this.#refuse(response, 'identity_not_linked');
    const { providers } = await loadOfferedProviders(this.dependencies.store, session.organizationId);
    this.#send(
      response,
      providers,
      <ConfirmPage
        title="Unlink this identity"
        explanation="You will no longer be able to sign in with it, and the sessions that it opened end at once."
        action={`/account/identities/${claimId}/unlink`}
        button="Unlink"
        dangerous={true}
        csrf={this.#csrf(session, request, response)}
      />,
    );
  }

  @Post('/identities/:claimId/unlink')
  async unlink(
    @Param('claimId') claimId: string,
    @Body('csrf') csrf: unknown,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const authorized = await this.#authorize(csrf, request, response);
    if (!authorized) return;
    if (!isUuid(claimId)) return this.#refuse(response, 'identity_not_linked');
    const { userId, organizationId, claimId: openedBy } = authorized.session;
    if (!(await this.dependencies.reauthentications.isRecent(authorized.session))) {
      const { providers } = await loadOfferedProviders(this.dependencies.store, organizationId);
      return this.#reauthenticate(authorized, providers, `/account/identities/${claimId}/unlink`, response);
    }
    const context = contextOf(request, this.dependencies.newId, { type: 'user', id: userId }, { organizationId });
    const { outcome } = await this.commands.execute(new UnlinkExternalIdentity(userId, organizationId, claimId, context));
    if (outcome.kind === 'refused') return this.#refuse(response, outcome.code);
    // The session ended with the identity that opened it.
    response.redirect(303, claimId === openedBy ? '/sign-in' : '/account?notice=unlinked');
  }

  @Post('/sign-out')
  async signOut(@Body('csrf') csrf: unknown, @Req() request: Request, @Res() response: Response): Promise<void> {
    const authorized = await this.#authorize(csrf, request, response);
    if (!authorized) return;
    const { userId, organizationId, sessionId } = authorized.session;
    const context = contextOf(request, this.dependencies.newId, { type: 'user', id: userId }, { organizationId });
    const ended = await this.dependencies.sessions.end({ sessionId }, 'signed_out');
    if (ended.length > 0) {
      await appendActivity(this.dependencies.store, userId, [{ type: 'SessionEnded', data: { sessionId, reason: 'signed_out' } }], context);
    }
    response.redirect(303, '/sign-in');
  }

  /** The session that a form was made for, or an answer that the person has to begin again. */
  async #authorize(token: unknown, request: Request, response: Response): Promise<Authorized | undefined> {
    const { sessions, csrf, cookies } = this.dependencies;
    const session = await sessions.current(request, response);
    const browserId = browserIdOf(request, cookies);
    if (!session) {
      response.redirect(303, '/sign-in');
      return undefined;
    }
    if (browserId && csrf.verify(token, browserId, session.sessionId)) return { session, browserId };
    this.#refuse(response, 'form_expired');
    return undefined;
  }

  /** Sends the person to the provider that opened the session (or another that is linked), to prove again who they are. */
  async #reauthenticate(
    { session, browserId }: Authorized,
    providers: readonly OfferedProvider[],
    returnTo: string,
    response: Response,
  ): Promise<void> {
    const { userId, organizationId, sessionId, claimId } = session;
    const { links } = (await loadUserLinks(this.dependencies.store, userId)).state;
    const usable = [...links].sort((a, b) => Number(b.claimId === claimId) - Number(a.claimId === claimId));
    for (const { providerId } of usable) {
      const provider = providers.find(({ settings }) => settings.id === providerId);
      if (provider)
        return this.#leaveFor(provider, { kind: 'proof', organizationId, userId, sessionId, returnTo }, browserId, response, true);
    }
    this.#refuse(response, 'reauthentication_not_possible');
  }

  async #leaveFor(
    { settings }: OfferedProvider,
    intent: FlowIntent,
    browserId: string,
    response: Response,
    reauthenticate = false,
  ): Promise<void> {
    const { external, issuer } = this.dependencies;
    const begun = await external.begin({ settings, intent, browserId, callbackUrl: callbackUrl(issuer, settings.id), reauthenticate });
    if (begun.kind === 'redirect') return response.redirect(303, begun.redirectTo);
    this.#refuse(response, begun.code, begun.detail);
  }

  #csrf(session: BrowserSession, request: Request, response: Response): string {
    return this.dependencies.csrf.issue(ensureBrowserId(request, response, this.dependencies.cookies), session.sessionId);
  }

  #send(response: Response, providers: readonly OfferedProvider[], page: VNode): void {
    setPageHeaders(
      response,
      providers.map(({ settings }) => originOf(settings.issuer)),
    );
    response.type('html').send(renderPage(page));
  }

  #refuse(response: Response, code: string, detail?: string): void {
    const correlationId = this.dependencies.newId();
    this.dependencies.logger.info({ correlationId, refusal: code, detail }, 'an account change was refused');
    sendErrorPage(response, accountRefusal(code, correlationId) ?? signInRefusal(code, correlationId));
  }
}
