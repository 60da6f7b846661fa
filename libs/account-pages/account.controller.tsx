import { Body, Controller, Get, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { Request, Response } from 'express';
import type { VNode } from 'preact';
import { signInOriginsOf } from '#libs/identity-providers/settings.js';
import { UnlinkExternalIdentity } from '#libs/linking/commands/unlink-external-identity.command.js';
import { loadAccount } from '#libs/accounts/queries/load-account.js';
import { isAuditor } from '#libs/audit/is-auditor.js';
import { isUuid } from '#libs/platform/ids.js';
import type { FlowIntent } from '#libs/sign-in/external-sign-in.js';
import type { OfferedProvider } from '#libs/sign-in/offered-providers.js';
import { appendActivity } from '#libs/sign-in/open-session.js';
import { leaveForProvider } from '#libs/sign-in/pages/leave-for-provider.js';
import { callbackUrl } from '#libs/sign-in/sign-in-dependencies.js';
import { declareAccess } from '#libs/web/access/access-metadata.js';
import { contextOf } from '#libs/web/request-context.js';
import { sendPage } from '#libs/web/send-page.js';
import { ACCOUNT_DEPENDENCIES } from './account-dependencies.js';
import type { AccountDependencies } from './account-dependencies.js';
import { AccountGuard } from './account-guard.js';
import { signedOutPath } from './entrance.controller.js';
import { providerNames } from './provider-names.js';
import { AccountPage, ConfirmLinkPage, ConfirmUnlinkPage } from './account-page.js';

type Form = Readonly<Record<string, unknown>>;

/**
 * The account pages: linked identities, link another, unlink, sign out. Sensitive changes need a recent
 * re-authentication.
 */
@Controller('/account')
@declareAccess({ kind: 'account_session' })
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
    const { userId } = session;
    const [{ state: account, position }, { providers, loginPolicy }] = await Promise.all([
      loadAccount(store, userId),
      this.#guard.organization(session, response),
    ]);
    const [profile, identities] = await Promise.all([
      readModels.profile(userId, position),
      readModels.links(userId, position),
    ]);
    const nameOf = await providerNames(
      store,
      providers,
      identities.map(({ providerId }) => providerId),
    );
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
        isAuditor={isAuditor(account, session.organizationId)}
      />,
    );
  }

  @Get('/identities/link/:providerId')
  async confirmLink(
    @Param('providerId') providerId: string,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const session = await this.#guard.session(request, response);
    if (!session) return;
    const { providers } = await this.#guard.organization(session, response);
    const provider = providers.find(({ settings }) => settings.id === providerId);
    if (!provider) return this.#guard.refuse(response, 'provider_not_allowed');
    this.#send(
      response,
      providers,
      <ConfirmLinkPage
        providerName={provider.settings.displayName}
        action={`/account/identities/link/${providerId}`}
        csrf={this.#guard.csrfFor(session, request, response)}
      />,
    );
  }

  @Post('/identities/link/:providerId')
  async link(
    @Param('providerId') providerId: string,
    @Body() form: Form,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const authorized = await this.#guard.authorize(form, request, response);
    if (!authorized) return;
    const { session } = authorized;
    const { providers } = await this.#guard.organization(session, response);
    const provider = providers.find(({ settings }) => settings.id === providerId);
    if (!provider?.policy.linkingAllowed)
      return this.#guard.refuse(response, provider ? 'linking_not_allowed' : 'provider_not_allowed');
    if (!(await this.#guard.isRecent(session, request, response))) return;
    const { organizationId, userId, sessionId } = session;
    return this.#leaveFor(
      provider,
      { kind: 'link', organizationId, userId, sessionId },
      authorized.browserId,
      response,
    );
  }

  @Get('/identities/:claimId/unlink')
  async confirmUnlink(
    @Param('claimId') claimId: string,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const session = await this.#guard.session(request, response);
    if (!session) return;
    if (!isUuid(claimId)) return this.#guard.refuse(response, 'identity_not_linked');
    const { providers } = await this.#guard.organization(session, response);
    const { state, position } = await loadAccount(this.dependencies.store, session.userId);
    if (!state.links.some((link) => link.claimId === claimId))
      return this.#guard.refuse(response, 'identity_not_linked');
    const identity = (await this.dependencies.readModels.links(session.userId, position)).find(
      (link) => link.claimId === claimId,
    );
    const nameOf = await providerNames(this.dependencies.store, providers, identity ? [identity.providerId] : []);
    this.#send(
      response,
      providers,
      <ConfirmUnlinkPage
        identity={identity && { providerName: nameOf(identity.providerId), nameAtProvider: identity.nameAtProvider }}
        action={`/account/identities/${claimId}/unlink`}
        csrf={this.#guard.csrfFor(session, request, response)}
      />,
    );
  }

  @Post('/identities/:claimId/unlink')
  async unlink(
    @Param('claimId') claimId: string,
    @Body() form: Form,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const authorized = await this.#guard.authorize(form, request, response);
    if (!authorized) return;
    if (!isUuid(claimId)) return this.#guard.refuse(response, 'identity_not_linked');
    const { userId, organizationId, claimId: openedBy } = authorized.session;
    if (!(await this.#guard.isRecent(authorized.session, request, response))) return;
    const context = contextOf(request, this.dependencies.newId, { type: 'user', id: userId }, { organizationId });
    const { outcome } = await this.commands.execute(
      new UnlinkExternalIdentity(userId, organizationId, claimId, context),
    );
    if (outcome.kind === 'refused') return this.#guard.refuse(response, outcome.code);
    // The session ended with the identity that opened it.
    response.redirect(303, claimId === openedBy ? signedOutPath(organizationId) : '/account?notice=unlinked');
  }

  @Post('/sign-out')
  async signOut(@Body() form: Form, @Req() request: Request, @Res() response: Response): Promise<void> {
    const authorized = await this.#guard.authorize(form, request, response);
    if (!authorized) return;
    const { userId, organizationId, sessionId } = authorized.session;
    const context = contextOf(request, this.dependencies.newId, { type: 'user', id: userId }, { organizationId });
    const ended = await this.dependencies.sessions.end({ sessionId }, 'signed_out');
    if (ended.length > 0) {
      await appendActivity(
        this.dependencies.store,
        userId,
        [{ type: 'SessionEnded', data: { sessionId, reason: 'signed_out' } }],
        context,
      );
    }
    response.redirect(303, signedOutPath(organizationId));
  }

  async #leaveFor(
    { settings }: OfferedProvider,
    intent: FlowIntent,
    browserId: string,
    response: Response,
  ): Promise<void> {
    const { external, issuer } = this.dependencies;
    const begun = await external.begin({ settings, intent, browserId, callbackUrl: callbackUrl(issuer, settings) });
    if (begun.kind !== 'refused') return leaveForProvider(response, begun, settings);
    this.#guard.refuse(response, begun.code, begun.detail);
  }

  #send(response: Response, providers: readonly OfferedProvider[], page: VNode): void {
    sendPage(response, page, { formTargets: providers.flatMap(({ settings }) => signInOriginsOf(settings)) });
  }
}
