import { Controller, Get, Inject, Param, Post, Query } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { VNode } from 'preact';
import { loadAccount } from '#libs/users/queries/load-account.js';
import { methodsOnHold } from '#libs/users/state.js';
import { isAuditor } from '#libs/audit/is-auditor.js';
import { signInOriginsOf } from '#libs/identity-providers/settings.js';
import { UnlinkExternalIdentity } from '#libs/linking/commands/unlink-external-identity.command.js';
import { isUuid } from '#libs/platform/ids.js';
import type { OfferedProvider } from '#libs/sign-in/offered-providers.js';
import { appendActivity } from '#libs/sign-in/open-session.js';
import { leavingForProvider } from '#libs/sign-in/leave-for-provider.js';
import { callbackUrl, REVIEW_PATH } from '#libs/sign-in/sign-in-dependencies.js';
import { page, redirect } from '#libs/web/answer.js';
import type { PageAnswer, RedirectAnswer } from '#libs/web/answer.js';
import { ACCOUNT_DEPENDENCIES } from './account-dependencies.js';
import type { AccountDependencies } from './account-dependencies.js';
import { AccountPage, ConfirmLinkPage, ConfirmUnlinkPage } from './account-page.js';
import { AccountSession, RequireRecentAuthentication } from './account-session.guard.js';
import { Visit } from './account-visit.js';
import type { AccountVisit } from './account-visit.js';
import { signedOutPath } from './entrance.controller.js';
import { providerNames } from './provider-names.js';
import { refusedChange } from './refusals.js';

/** The page may lead to the providers by its forms. */
const pageOf = (view: VNode, providers: readonly OfferedProvider[]): PageAnswer =>
  page(view, { formTargets: providers.flatMap(({ settings }) => signInOriginsOf(settings)) });

const chosenOf = (providers: readonly OfferedProvider[], providerId: string): OfferedProvider => {
  const chosen = providers.find(({ settings }) => settings.id === providerId);
  if (!chosen) throw refusedChange('provider_not_allowed');
  return chosen;
};

/** The account pages: linked identities, link another, unlink, sign out. */
@Controller('/account')
@AccountSession()
export class AccountController {
  constructor(
    @Inject(ACCOUNT_DEPENDENCIES) private readonly dependencies: AccountDependencies,
    @Inject(CommandBus) private readonly commands: CommandBus,
  ) {}

  @Get()
  async show(@Query('notice') notice: unknown, @Visit() visit: AccountVisit): Promise<PageAnswer | RedirectAnswer> {
    const { store, readModels } = this.dependencies;
    const { userId, organizationId } = visit.session;
    const [{ state: account, position }, { providers, loginPolicy }] = await Promise.all([
      loadAccount(store, userId),
      visit.organization(),
    ]);
    if (methodsOnHold(account).length > 0) return redirect(REVIEW_PATH);
    const [profile, identities] = await Promise.all([
      readModels.profile(userId, position),
      readModels.links(userId, position),
    ]);
    const linked = identities.map(({ providerId }) => providerId);
    const nameOf = await providerNames(store, providers, linked);
    return pageOf(
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
        csrf={visit.csrf}
        isAuditor={isAuditor(account, organizationId)}
      />,
      providers,
    );
  }

  @Get('/identities/link/:providerId')
  async confirmLink(@Param('providerId') providerId: string, @Visit() visit: AccountVisit): Promise<PageAnswer> {
    const { providers } = await visit.organization();
    const { displayName } = chosenOf(providers, providerId).settings;
    const action = `/account/identities/link/${providerId}`;
    return pageOf(<ConfirmLinkPage providerName={displayName} action={action} csrf={visit.csrf} />, providers);
  }

  @Post('/identities/link/:providerId')
  async link(
    @Param('providerId') providerId: string,
    @Visit() visit: AccountVisit,
  ): Promise<PageAnswer | RedirectAnswer> {
    const { settings, policy } = chosenOf((await visit.organization()).providers, providerId);
    if (!policy.linkingAllowed) throw refusedChange('linking_not_allowed');
    await visit.requireRecentAuthentication();
    const { external, issuer } = this.dependencies;
    const { organizationId, userId, sessionId } = visit.session;
    const begun = await external.begin({
      settings,
      intent: { kind: 'link', organizationId, userId, sessionId },
      browserId: visit.browser.id,
      callbackUrl: callbackUrl(issuer, settings),
    });
    if (begun.kind === 'refused') throw refusedChange(begun.code, begun.detail);
    return leavingForProvider(begun, settings, 'POST');
  }

  @Get('/identities/:claimId/unlink')
  async confirmUnlink(@Param('claimId') claimId: string, @Visit() visit: AccountVisit): Promise<PageAnswer> {
    const { store, readModels } = this.dependencies;
    const { userId } = visit.session;
    const [{ providers }, { state, position }] = await Promise.all([visit.organization(), loadAccount(store, userId)]);
    if (!state.links.some((link) => link.claimId === claimId)) throw refusedChange('identity_not_linked');
    const identity = (await readModels.links(userId, position)).find((link) => link.claimId === claimId);
    const nameOf = await providerNames(store, providers, identity ? [identity.providerId] : []);
    const action = `/account/identities/${claimId}/unlink`;
    const shown = identity && {
      providerName: nameOf(identity.providerId),
      nameAtProvider: identity.nameAtProvider,
    };
    return pageOf(<ConfirmUnlinkPage identity={shown} action={action} csrf={visit.csrf} />, providers);
  }

  @Post('/identities/:claimId/unlink')
  @RequireRecentAuthentication()
  async unlink(@Param('claimId') claimId: string, @Visit() visit: AccountVisit): Promise<RedirectAnswer> {
    if (!isUuid(claimId)) throw refusedChange('identity_not_linked');
    const { userId, organizationId, claimId: openedBy, furtherClaimIds = [] } = visit.session;
    const command = new UnlinkExternalIdentity(userId, organizationId, claimId, visit.meta);
    const { outcome } = await this.commands.execute(command);
    if (outcome.kind === 'refused') throw refusedChange(outcome.code);
    // The session ended with the identity that opened it.
    const isOver = claimId === openedBy || furtherClaimIds.includes(claimId);
    return redirect(isOver ? signedOutPath(organizationId) : '/account?notice=unlinked');
  }

  @Post('/sign-out')
  async signOut(@Visit() { session, meta }: AccountVisit): Promise<RedirectAnswer> {
    const { store, sessions } = this.dependencies;
    const { userId, organizationId, sessionId } = session;
    const ended = await sessions.end({ sessionId }, 'signed_out');
    const event = { type: 'SessionEnded', data: { sessionId, reason: 'signed_out' } } as const;
    if (ended.length > 0) await appendActivity(store, userId, [event], meta);
    return redirect(signedOutPath(organizationId));
  }
}
