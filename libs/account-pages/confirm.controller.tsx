import { Body, Controller, Get, Inject, Param, Post, Query } from '@nestjs/common';
import { isAmong } from '#libs/users/assurance.js';
import { loadAccount } from '#libs/users/queries/load-account.js';
import { provesReauthentication } from '#libs/identity-providers/reauthentication.js';
import { signInOriginsOf } from '#libs/identity-providers/settings.js';
import { loadSufficientProofs } from '#libs/linking/queries/sufficient-proofs.js';
import type { OfferedProvider } from '#libs/sign-in/offered-providers.js';
import { leavingForProvider } from '#libs/sign-in/leave-for-provider.js';
import { formText } from '#libs/sign-in/texts.js';
import { callbackUrl } from '#libs/sign-in/sign-in-dependencies.js';
import { page, redirect } from '#libs/web/answer.js';
import type { PageAnswer, RedirectAnswer } from '#libs/web/answer.js';
import { ACCOUNT_DEPENDENCIES } from './account-dependencies.js';
import type { AccountDependencies } from './account-dependencies.js';
import { returnTarget } from './account-forms.js';
import type { Form } from './account-forms.js';
import { AccountSession } from './account-session.guard.js';
import { Visit } from './account-visit.js';
import type { AccountVisit } from './account-visit.js';
import { ConfirmIdentityPage } from './confirm-page.js';
import { refusedChange } from './refusals.js';

type Answer = PageAnswer | RedirectAnswer;

const proves = ({ settings }: OfferedProvider): boolean => provesReauthentication(settings);

/** Re-authentication by one of the account's own sign-in methods, before sensitive changes. */
@Controller('/account/confirm')
@AccountSession()
export class ConfirmController {
  constructor(@Inject(ACCOUNT_DEPENDENCIES) private readonly dependencies: AccountDependencies) {}

  @Get()
  show(@Query('return') returnTo: unknown, @Visit() visit: AccountVisit): Promise<Answer> {
    return this.#show(returnTarget(returnTo), visit, 'GET');
  }

  @Post('/password')
  async byPassword(@Body() form: Form, @Visit() visit: AccountVisit): Promise<Answer> {
    const { store, passwords, throttles, reauthentications } = this.dependencies;
    const { userId, organizationId } = visit.session;
    const returnTo = returnTarget(form.return);
    const limited = await throttles.hit('sign_in_per_account', organizationId, `session of ${userId}`);
    if (limited.kind === 'throttled') return this.#show(returnTo, visit, 'POST', 'too_many_attempts');
    const proven = { kind: 'password' } as const;
    if (!isAmong(await loadSufficientProofs(store, organizationId, userId), proven))
      throw refusedChange('assurance_insufficient');
    const { passwordHash } = (await loadAccount(store, userId)).state;
    const { matches } = await passwords.verify(passwordHash, typeof form.password === 'string' ? form.password : '');
    if (!matches) return this.#show(returnTo, visit, 'POST', 'password_wrong');
    await throttles.reset('sign_in_per_account', organizationId, `session of ${userId}`);
    await reauthentications.record(visit.session, proven);
    await visit.rotateSession();
    return redirect(returnTo);
  }

  @Post('/identities/:claimId')
  async byIdentity(
    @Param('claimId') claimId: string,
    @Body() form: Form,
    @Visit() visit: AccountVisit,
  ): Promise<Answer> {
    const chosen = (await this.#methodsToConfirmWith(visit)).identities.find((each) => each.claimId === claimId);
    if (!chosen) throw refusedChange('reauthentication_not_possible');
    return this.#leaveFor(chosen.provider, returnTarget(form.return), visit, 'POST');
  }

  /** The sign-in methods that prove as much as any of the account's (L30). */
  async #methodsToConfirmWith(visit: AccountVisit) {
    const { userId, organizationId, claimId: openedBy } = visit.session;
    const { store } = this.dependencies;
    const proofs = await loadSufficientProofs(store, organizationId, userId);
    const { links } = (await loadAccount(store, userId)).state;
    const { providers } = await visit.organization();
    const identities = links
      .filter(({ claimId }) => isAmong(proofs, { kind: 'external_identity', claimId }))
      // The identity that opened the session first: its provider most likely still knows the user.
      .sort((a, b) => Number(b.claimId === openedBy) - Number(a.claimId === openedBy))
      .flatMap(({ claimId, providerId }) => {
        const provider = providers.find(({ settings }) => settings.id === providerId);
        return provider ? [{ claimId, providerName: provider.settings.displayName, provider }] : [];
      })
      // And before all those of providers that can prove that the person signed in again.
      .sort((a, b) => Number(proves(b.provider)) - Number(proves(a.provider)));
    return { byPassword: isAmong(proofs, { kind: 'password' }), identities };
  }

  async #leaveFor(
    { settings }: OfferedProvider,
    returnTo: string,
    { session, browser }: AccountVisit,
    method: string,
  ): Promise<Answer> {
    const { external, issuer } = this.dependencies;
    const { organizationId, userId, sessionId } = session;
    const begun = await external.begin({
      settings,
      intent: { kind: 'proof', organizationId, userId, sessionId, returnTo },
      browserId: browser.id,
      callbackUrl: callbackUrl(issuer, settings),
      reauthenticate: true,
    });
    if (begun.kind === 'refused') throw refusedChange(begun.code, begun.detail);
    return leavingForProvider(begun, settings, method);
  }

  /** Choosing among the methods, or straight to the one there is. */
  async #show(returnTo: string, visit: AccountVisit, method: string, code?: string): Promise<Answer> {
    const { byPassword, identities } = await this.#methodsToConfirmWith(visit);
    const [first] = identities;
    if (!byPassword && !first) throw refusedChange('reauthentication_not_possible');
    if (!byPassword && first) return this.#leaveFor(first.provider, returnTo, visit, method);
    return page(
      <ConfirmIdentityPage
        returnTo={returnTo}
        hasPassword={byPassword}
        identities={identities}
        csrf={visit.csrf}
        error={formText(code)}
      />,
      {
        status: code ? 422 : 200,
        formTargets: identities.flatMap(({ provider }) => signInOriginsOf(provider.settings)),
      },
    );
  }
}
