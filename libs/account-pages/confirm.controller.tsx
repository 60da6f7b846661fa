import { Body, Controller, Get, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { isAmong } from '#libs/accounts/assurance.js';
import { loadAccount } from '#libs/accounts/queries/load-account.js';
import { loadSufficientProofs } from '#libs/linking/queries/sufficient-proofs.js';
import type { BrowserSession } from '#libs/sign-in/browser-sessions.js';
import type { OfferedProvider } from '#libs/sign-in/offered-providers.js';
import { signInOriginsOf } from '#libs/identity-providers/settings.js';
import { formText } from '#libs/sign-in/pages/texts.js';
import { declareAccess } from '#libs/web/access/access-metadata.js';
import { ensureBrowserId } from '#libs/web/browser-binding.js';
import { leaveForProvider } from '#libs/sign-in/pages/leave-for-provider.js';
import { callbackUrl } from '#libs/sign-in/sign-in-dependencies.js';
import { sendPage } from '#libs/web/send-page.js';
import { ACCOUNT_DEPENDENCIES } from './account-dependencies.js';
import type { AccountDependencies } from './account-dependencies.js';
import { AccountGuard, returnTarget } from './account-guard.js';
import { ConfirmIdentityPage } from './confirm-page.js';

/** Re-authentication by one of the account's own methods, before sensitive changes. */
@Controller('/account/confirm')
@declareAccess({ kind: 'account_session' })
export class ConfirmController {
  readonly #guard: AccountGuard;

  constructor(@Inject(ACCOUNT_DEPENDENCIES) private readonly dependencies: AccountDependencies) {
    this.#guard = new AccountGuard(dependencies);
  }

  @Get()
  show(@Query('return') returnTo: unknown, @Req() request: Request, @Res() response: Response): Promise<void> {
    return this.#show(returnTarget(returnTo), request, response);
  }

  @Post('/password')
  async byPassword(
    @Body() form: Readonly<Record<string, unknown>>,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const authorized = await this.#guard.authorize(form, request, response);
    if (!authorized) return;
    const { store, passwords, throttles, reauthentications, sessions } = this.dependencies;
    const { userId, organizationId, sessionId } = authorized.session;
    const returnTo = returnTarget(form.return);
    const limited = await throttles.hit('sign_in_per_account', organizationId, `session of ${userId}`);
    if (limited.kind === 'throttled') return this.#show(returnTo, request, response, 'too_many_attempts');
    const proven = { kind: 'password' } as const;
    if (!isAmong(await loadSufficientProofs(store, organizationId, userId), proven))
      return this.#guard.refuse(response, 'assurance_insufficient');
    const { state } = await loadAccount(store, userId);
    const { matches } = await passwords.verify(
      state.passwordHash,
      typeof form.password === 'string' ? form.password : '',
    );
    if (!matches) return this.#show(returnTo, request, response, 'password_wrong');
    await throttles.reset('sign_in_per_account', organizationId, `session of ${userId}`);
    await reauthentications.record(authorized.session, proven);
    await sessions.rotate(sessionId, request, response);
    response.redirect(303, returnTo);
  }

  @Post('/identities/:claimId')
  async byIdentity(
    @Param('claimId') claimId: string,
    @Body() form: Readonly<Record<string, unknown>>,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const authorized = await this.#guard.authorize(form, request, response);
    if (!authorized) return;
    const { session, browserId } = authorized;
    const chosen = (await this.#waysToConfirm(session, response)).identities.find(
      (identity) => identity.claimId === claimId,
    );
    if (!chosen) return this.#guard.refuse(response, 'reauthentication_not_possible');
    return this.#leaveFor(chosen.provider, returnTarget(form.return), session, browserId, response);
  }

  /** What the person can confirm with: ways in that prove as much as any of the account's (L30). */
  async #waysToConfirm(session: BrowserSession, response: Response) {
    const { userId, organizationId, claimId: openedBy } = session;
    const { store } = this.dependencies;
    const proofs = await loadSufficientProofs(store, organizationId, userId);
    const { links } = (await loadAccount(store, userId)).state;
    const { providers } = await this.#guard.organization(session, response);
    const identities = links
      .filter(({ claimId }) => isAmong(proofs, { kind: 'external_identity', claimId }))
      // The identity that opened the session first: its provider most likely still knows the person.
      .sort((a, b) => Number(b.claimId === openedBy) - Number(a.claimId === openedBy))
      .flatMap(({ claimId, providerId }) => {
        const provider = providers.find(({ settings }) => settings.id === providerId);
        return provider ? [{ claimId, providerName: provider.settings.displayName, provider }] : [];
      });
    return { byPassword: isAmong(proofs, { kind: 'password' }), identities };
  }

  async #leaveFor(
    provider: OfferedProvider,
    returnTo: string,
    { organizationId, userId, sessionId }: BrowserSession,
    browserId: string,
    response: Response,
  ): Promise<void> {
    const { external, issuer } = this.dependencies;
    const begun = await external.begin({
      settings: provider.settings,
      intent: { kind: 'proof', organizationId, userId, sessionId, returnTo },
      browserId,
      callbackUrl: callbackUrl(issuer, provider.settings),
      reauthenticate: true,
    });
    if (begun.kind !== 'refused') return leaveForProvider(response, begun, provider.settings);
    this.#guard.refuse(response, begun.code, begun.detail);
  }

  async #show(returnTo: string, request: Request, response: Response, code?: string): Promise<void> {
    const session = await this.#guard.session(request, response);
    if (!session) return;
    const { byPassword, identities } = await this.#waysToConfirm(session, response);
    const [first] = identities;
    if (!byPassword) {
      if (!first) return this.#guard.refuse(response, 'reauthentication_not_possible');
      return this.#leaveFor(
        first.provider,
        returnTo,
        session,
        ensureBrowserId(request, response, this.dependencies.cookies),
        response,
      );
    }
    sendPage(
      response,
      <ConfirmIdentityPage
        returnTo={returnTo}
        hasPassword={byPassword}
        identities={identities}
        csrf={this.#guard.csrfFor(session, request, response)}
        error={formText(code)}
      />,
      {
        status: code ? 422 : 200,
        formTargets: identities.flatMap(({ provider }) => signInOriginsOf(provider.settings)),
      },
    );
  }
}
