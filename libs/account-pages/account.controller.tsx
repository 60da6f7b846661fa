import { Body, Controller, Get, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { Request, Response } from 'express';
import type { VNode } from 'preact';
import { signInOriginsOf } from '#libs/identity-providers/settings.js';
import { UnlinkExternalIdentity } from '#libs/linking/commands/unlink-external-identity.command.js';
import { loadAccount } from '#libs/accounts/queries/load-account.js';
import { isUuid } from '#libs/platform/ids.js';
import type { FlowIntent } from '#libs/sign-in/external-sign-in.js';
import { loadOfferedProviders } from '#libs/sign-in/offered-providers.js';
import type { OfferedProvider } from '#libs/sign-in/offered-providers.js';
import { appendActivity } from '#libs/sign-in/open-session.js';
import { leaveForProvider } from '#libs/sign-in/pages/leave-for-provider.js';
import { callbackUrl } from '#libs/sign-in/sign-in-dependencies.js';
import { contextOf } from '#libs/web/request-context.js';
import { sendPage } from '#libs/web/send-page.js';
import { ACCOUNT_DEPENDENCIES } from './account-dependencies.js';
import type { AccountDependencies } from './account-dependencies.js';
import { AccountGuard } from './account-guard.js';
import { AccountPage, ConfirmPage } from './account-page.js';

/** The account pages: linked identities, link another, unlink, sign out. Sensitive changes need a recent re-authentication. */
@Controller('/account')
export class AccountController {
  readonly #guard: AccountGuard;

  constructor(
    @Inject(ACCOUNT_DEPENDENCIES) private readonly dependencies: AccountDependencies,
    @Inject(CommandBus) private readonly commands: CommandBus,
  ) {
    this.#guard = new AccountGuard(dependencies);
  }

  @Get()
  async show(@Query('notice') notice: unknown, @Req() request: Request, @Res() response: Response): Promise<void> {
    const { store, readModels } = this.dependencies;
    const session = await this.#guard.session(request, response);
    if (!session) return;
    const { userId, organizationId } = session;
    const [{ state: account, position }, { providers, loginPolicy }] = await Promise.all([
      loadAccount(store, userId),
      loadOfferedProviders(store, organizationId),
    ]);
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
        username={account.username?.username}
        email={account.verifiedEmail?.address}
        unverifiedEmail={account.unverifiedEmail?.address}
        password={loginPolicy.password ? (account.passwordHash === undefined ? 'none' : 'set') : 'not_allowed'}
        csrf={this.#guard.csrfFor(session, request, response)}
      />,
    );
  }

  @Get('/identities/link/:providerId')
  async confirmLink(@Param('providerId') providerId: string, @Req() request: Request, @Res() response: Response): Promise<void> {
    const session = await this.#guard.session(request, response);
    if (!session) return;
    const { providers } = await loadOfferedProviders(this.dependencies.store, session.organizationId);
    const provider = providers.find(({ settings }) => settings.id === providerId);
    if (!provider) return this.#guard.refuse(response, 'provider_not_allowed');
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
        csrf={this.#guard.csrfFor(session, request, response)}
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
    const authorized = await this.#guard.authorize(csrf, request, response);
    if (!authorized) return;
    const { session } = authorized;
    const { providers } = await loadOfferedProviders(this.dependencies.store, session.organizationId);
    const provider = providers.find(({ settings }) => settings.id === providerId);
    if (!provider?.policy.linkingAllowed) return this.#guard.refuse(response, provider ? 'linking_not_allowed' : 'provider_not_allowed');
    if (!(await this.#guard.isRecent(authorized.session, `/account/identities/link/${providerId}`, response))) return;
    const { organizationId, userId, sessionId } = session;
    return this.#leaveFor(provider, { kind: 'link', organizationId, userId, sessionId }, authorized.browserId, response);
  }

  @Get('/identities/:claimId/unlink')
  async confirmUnlink(@Param('claimId') claimId: string, @Req() request: Request, @Res() response: Response): Promise<void> {
    const session = await this.#guard.session(request, response);
    if (!session) return;
    if (!isUuid(claimId)) return this.#guard.refuse(response, 'identity_not_linked');
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
        csrf={this.#guard.csrfFor(session, request, response)}
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
    const authorized = await this.#guard.authorize(csrf, request, response);
    if (!authorized) return;
    if (!isUuid(claimId)) return this.#guard.refuse(response, 'identity_not_linked');
    const { userId, organizationId, claimId: openedBy } = authorized.session;
    if (!(await this.#guard.isRecent(authorized.session, `/account/identities/${claimId}/unlink`, response))) return;
    const context = contextOf(request, this.dependencies.newId, { type: 'user', id: userId }, { organizationId });
    const { outcome } = await this.commands.execute(new UnlinkExternalIdentity(userId, organizationId, claimId, context));
    if (outcome.kind === 'refused') return this.#guard.refuse(response, outcome.code);
    // The session ended with the identity that opened it.
    response.redirect(303, claimId === openedBy ? '/sign-in' : '/account?notice=unlinked');
  }

  @Post('/sign-out')
  async signOut(@Body('csrf') csrf: unknown, @Req() request: Request, @Res() response: Response): Promise<void> {
    const authorized = await this.#guard.authorize(csrf, request, response);
    if (!authorized) return;
    const { userId, organizationId, sessionId } = authorized.session;
    const context = contextOf(request, this.dependencies.newId, { type: 'user', id: userId }, { organizationId });
    const ended = await this.dependencies.sessions.end({ sessionId }, 'signed_out');
    if (ended.length > 0) {
      await appendActivity(this.dependencies.store, userId, [{ type: 'SessionEnded', data: { sessionId, reason: 'signed_out' } }], context);
    }
    response.redirect(303, '/sign-in');
  }

  async #leaveFor({ settings }: OfferedProvider, intent: FlowIntent, browserId: string, response: Response): Promise<void> {
    const { external, issuer } = this.dependencies;
    const begun = await external.begin({ settings, intent, browserId, callbackUrl: callbackUrl(issuer, settings) });
    if (begun.kind !== 'refused') return leaveForProvider(response, begun);
    this.#guard.refuse(response, begun.code, begun.detail);
  }

  #send(response: Response, providers: readonly OfferedProvider[], page: VNode): void {
    sendPage(response, page, { formTargets: providers.flatMap(({ settings }) => signInOriginsOf(settings)) });
  }
}
