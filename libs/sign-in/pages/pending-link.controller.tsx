import { Body, Controller, Get, Inject, Param, Post, Req, Res } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { Request, Response } from 'express';
import { isAmong } from '#libs/users/assurance.js';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import { signInOriginsOf } from '#libs/identity-providers/settings.js';
import { RegisterViaIdp } from '#libs/linking/commands/register-via-idp.command.js';
import type { LoginPolicy } from '#libs/organizations/events.js';
import { authenticationContextOf } from '#libs/organizations/linking-policy.js';
import { loadProviderInOrganization } from '#libs/linking/queries/providers-in-organization.js';
import { loadSufficientProofs } from '#libs/linking/queries/sufficient-proofs.js';
import { INSTALLATION_SUBJECT } from '#libs/privacy/subject-keys.js';
import { addressKey } from '#libs/throttling/address-key.js';
import { Public } from '#libs/web/access/access.js';
import { brandAnswer } from '#libs/web/branding.js';
import { browserIdOf } from '#libs/web/browser-binding.js';
import { sendErrorPage } from '#libs/web/error-page.js';
import { languageOfAnswer, preferUiLocales } from '#libs/web/locale.js';
import { contextOf } from '#libs/web/request-context.js';
import { sendPage } from '#libs/web/send-page.js';
import { externalMethodOf } from '../external-method.js';
import type { SignInInteraction } from '../interactions.js';
import { loadOfferedProviders } from '../offered-providers.js';
import { recognizeByPassword } from '../password-sign-in.js';
import type { PendingLink } from '../pending-links.postgres.js';
import { callbackUrl, pendingLinkPath, SIGN_IN_DEPENDENCIES, signInPath } from '../sign-in-dependencies.js';
import type { SignInDependencies } from '../sign-in-dependencies.js';
import { checkAccountForm, typedAccount } from './account-form.js';
import type { AccountFormNeeds } from './account-form.js';
import { completeSignIn } from './complete-sign-in.js';
import type { Recognized } from './complete-sign-in.js';
import { leaveForProvider } from '../leave-for-provider.js';
import { linkPending } from './link-pending.js';
import { loginNameLabel } from './login-name-label.js';
import { PendingLinkPage } from './pending-link-page.js';
import { signInRefusal } from '../refusals.js';
import { formText } from '../texts.js';

type Form = Readonly<Record<string, unknown>>;

/** What a form that came back shows. */
interface Again {
  readonly form: Form;
  readonly code?: string;
  readonly errors?: Readonly<Record<string, string>>;
}

/** A record that this browser may act on, and what waits behind it. */
interface Waiting {
  readonly id: string;
  readonly pending: PendingLink;
  readonly browserId: string;
  readonly interaction: SignInInteraction | undefined;
}

/** A username is offered where people type one to sign in, but need not be given: there is a way in already. */
const needsOf = ({ loginNames }: LoginPolicy): AccountFormNeeds => ({
  username: loginNames.includes('username') ? 'optional' : 'none',
  email: 'optional',
  password: false,
});

/**
 * Rows 3, 3′ and 5 of the login table: a proven identity that nobody owns, and a person who chooses what becomes of it.
 */
@Controller('/link-account/:id')
@Public()
export class PendingLinkController {
  constructor(
    @Inject(SIGN_IN_DEPENDENCIES) private readonly dependencies: SignInDependencies,
    @Inject(CommandBus) private readonly commands: CommandBus,
  ) {}

  @Get()
  async show(@Param('id') id: string, @Req() request: Request, @Res() response: Response): Promise<void> {
    const waiting = await this.#find(id, request, response);
    if (waiting) await this.#send(waiting, response);
  }

  @Post('/create')
  async create(
    @Param('id') id: string,
    @Body() form: Form,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const waiting = await this.#authorize(id, form, request, response);
    if (!waiting) return;
    const { pendingLinks, accountMail, store, throttles } = this.dependencies;
    const { pending, browserId } = waiting;
    const { organizationId, assertion } = pending;
    const { organizationName, loginPolicy } = await loadOfferedProviders(store, organizationId);
    const checked = checkAccountForm(form, needsOf(loginPolicy));
    if (checked.kind === 'refused') return this.#send(waiting, response, { form, errors: checked.errors });
    const limited = await throttles.hit('registration_per_address', organizationId, addressKey(request.ip));
    if (limited.kind === 'throttled') return this.#send(waiting, response, { form, code: 'too_many_attempts' });

    const context = this.#context(waiting, request);
    const { displayName, username, email } = checked;
    const result = await this.commands.execute(
      new RegisterViaIdp(assertion, organizationId, { displayName, username, email }, context),
    );
    if (result.kind === 'refused') {
      if (result.code === 'username_taken')
        return this.#send(waiting, response, { form, errors: { username: result.code } });
      return this.#refuse(response, result.code, context, waiting);
    }
    await pendingLinks.consume(id, browserId);
    await pendingLinks.discardOf(pending.identityKey);
    const { userId, claimId, account, unverifiedEmailId: emailId } = result;
    if (email && emailId) {
      await accountMail.sendVerification(
        email,
        { userId, organizationId, emailId },
        { organizationName, requestedFrom: request.ip, language: languageOfAnswer(response) },
      );
    }
    const { policy, acrValues } = await loadProviderInOrganization(store, organizationId, assertion.providerId);
    const method = externalMethodOf(assertion, claimId, pending);
    return this.#complete(
      waiting,
      {
        userId,
        account,
        method,
        roundTripCounts: policy.freshRoundTripCounts === true,
        ...authenticationContextOf(policy, assertion, acrValues),
      },
      request,
      response,
    );
  }

  /** Proof of control by password. */
  @Post('/password')
  async linkByPassword(
    @Param('id') id: string,
    @Body() form: Form,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const waiting = await this.#authorize(id, form, request, response);
    if (!waiting) return;
    const { organizationId, mayLink } = waiting.pending;
    if (!mayLink) return this.#refuse(response, 'linking_not_allowed', this.#context(waiting, request), waiting);
    const { loginPolicy } = await loadOfferedProviders(this.dependencies.store, organizationId);
    const context = this.#context(waiting, request);
    const recognized = await recognizeByPassword(this.dependencies, {
      organizationId,
      loginPolicy,
      loginName: form.login,
      password: form.password,
      address: request.ip,
      context,
    });
    if (recognized.kind === 'refused') return this.#send(waiting, response, { form, code: recognized.code });
    const { userId, account } = recognized;
    const proven = { kind: 'password' } as const;
    // Told before the record is used up: the person may go on with the stronger way.
    if (!isAmong(await loadSufficientProofs(this.dependencies.store, organizationId, userId), proven))
      return this.#send(waiting, response, { form, code: 'assurance_insufficient' });
    const refusal = await linkPending(
      this.dependencies,
      this.commands,
      id,
      { userId, proven, account },
      request,
      context,
    );
    if (refusal) return this.#refuse(response, refusal, context, waiting);
    return this.#complete(waiting, { userId, account, method: { kind: 'password' }, amr: ['pwd'] }, request, response);
  }

  /** Proof of control through a provider that the account is linked to. */
  @Post('/providers/:providerId')
  async linkByProvider(
    @Param('id') id: string,
    @Param('providerId') providerId: string,
    @Body() form: Form,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const waiting = await this.#authorize(id, form, request, response);
    if (!waiting) return;
    const { external, store, issuer } = this.dependencies;
    const { organizationId, interactionUid, mayLink } = waiting.pending;
    const context = this.#context(waiting, request);
    if (!mayLink) return this.#refuse(response, 'linking_not_allowed', context, waiting);
    const { providers } = await loadOfferedProviders(store, organizationId);
    const provider = providers.find(({ settings }) => settings.id === providerId);
    if (!provider) return this.#refuse(response, 'provider_not_allowed', context, waiting);
    const begun = await external.begin({
      settings: provider.settings,
      intent: { kind: 'sign-in', organizationId, interactionUid, pendingLinkId: id },
      browserId: waiting.browserId,
      callbackUrl: callbackUrl(issuer, provider.settings),
      reauthenticate: true,
    });
    if (begun.kind !== 'refused') return leaveForProvider(response, begun, provider.settings);
    this.#refuse(response, begun.code, context, waiting);
  }

  @Post('/decline')
  async decline(
    @Param('id') id: string,
    @Body() form: Form,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const waiting = await this.#authorize(id, form, request, response);
    if (!waiting) return;
    const { pendingLinks, attempts } = this.dependencies;
    const { assertion, identityKey, interactionUid } = waiting.pending;
    await pendingLinks.consume(id, waiting.browserId);
    const event = { type: 'LinkDeclined', data: { providerId: assertion.providerId } } as const;
    await attempts.record(identityKey, event, INSTALLATION_SUBJECT, this.#context(waiting, request));
    response.redirect(
      303,
      signInPath(interactionUid, { choose: true, organizationId: waiting.pending.organizationId }),
    );
  }

  async #find(id: string, request: Request, response: Response): Promise<Waiting | undefined> {
    const { pendingLinks, cookies, interactions, newId } = this.dependencies;
    const browserId = browserIdOf(request, cookies);
    const pending = await pendingLinks.find(id, browserId);
    const interaction =
      pending?.interactionUid === undefined ? undefined : await interactions.interactionByUid(pending.interactionUid);
    preferUiLocales(response, interaction?.uiLocales);
    if (pending && browserId !== undefined && interaction?.uid === pending.interactionUid)
      return { id, pending, browserId, interaction };
    sendErrorPage(response, signInRefusal('link_intent_invalid', newId(), '/sign-in'));
    return undefined;
  }

  async #authorize(id: string, form: Form, request: Request, response: Response): Promise<Waiting | undefined> {
    const waiting = await this.#find(id, request, response);
    if (!waiting || this.dependencies.csrf.verify(form.csrf, waiting.browserId, pendingLinkPath(id))) return waiting;
    sendErrorPage(response, signInRefusal('form_expired', this.dependencies.newId(), pendingLinkPath(id)));
    return undefined;
  }

  #context({ pending }: Waiting, request: Request): CommandContext {
    const { organizationId, assertion } = pending;
    return contextOf(
      request,
      this.dependencies.newId,
      { type: 'provider', id: assertion.providerId },
      { organizationId },
    );
  }

  async #complete(
    waiting: Waiting,
    recognized: Pick<Recognized, 'userId' | 'account' | 'method' | 'acr' | 'amr' | 'roundTripCounts'>,
    request: Request,
    response: Response,
  ): Promise<void> {
    const { pending, interaction } = waiting;
    const context = this.#context(waiting, request);
    const { organizationId } = pending;
    const completed = await completeSignIn(
      this.dependencies,
      { ...recognized, organizationId, interaction, context },
      request,
      response,
    );
    if (completed.kind !== 'refused') return response.redirect(303, completed.continueAt);
    this.#refuse(response, completed.code, context, waiting);
  }

  async #send({ id, pending, browserId, interaction }: Waiting, response: Response, again?: Again): Promise<void> {
    const { store, csrf } = this.dependencies;
    const { organizationId, assertion, mayCreate, mayLink } = pending;
    const { branding, loginPolicy, providers } = await loadOfferedProviders(store, organizationId);
    brandAnswer(response, branding);
    const others = providers.filter(({ settings }) => settings.id !== assertion.providerId);
    const { name, email, preferredUsername } = assertion.claims;
    const path = pendingLinkPath(id);
    const token = csrf.issue(browserId, path);
    const typed = again?.errors ? typedAccount(again.form) : { displayName: name, email, username: preferredUsername };
    const loginName = typeof again?.form.login === 'string' ? again.form.login.slice(0, 320) : undefined;
    sendPage(
      response,
      <PendingLinkPage
        providerName={
          providers.find(({ settings }) => settings.id === assertion.providerId)?.settings.displayName ??
          assertion.providerId
        }
        nameAtProvider={email ?? preferredUsername ?? name}
        create={
          mayCreate
            ? { action: `${path}/create`, typed, errors: again?.errors ?? {}, needs: needsOf(loginPolicy) }
            : undefined
        }
        link={
          mayLink
            ? {
                providers: others.map(({ settings }) => settings),
                actionOf: (providerId) => `${path}/providers/${providerId}`,
                passwordAction: loginPolicy.password ? `${path}/password` : undefined,
                loginNameLabel: loginNameLabel(loginPolicy),
                csrf: token,
                loginName,
              }
            : undefined
        }
        declineAction={`${path}/decline`}
        csrf={token}
        error={formText(again?.code)}
      />,
      {
        status: again ? 422 : 200,
        formTargets: [
          ...others.flatMap(({ settings }) => signInOriginsOf(settings)),
          ...(interaction?.redirectOrigin ? [interaction.redirectOrigin] : []),
        ],
      },
    );
  }

  #refuse(response: Response, code: string, context: CommandContext, { pending }: Waiting): void {
    this.dependencies.logger.warn(
      { correlationId: context.correlationId, refusal: code },
      'a pending link was refused',
    );
    sendErrorPage(
      response,
      signInRefusal(
        code,
        context.correlationId,
        signInPath(pending.interactionUid, { choose: true, organizationId: pending.organizationId }),
      ),
    );
  }
}
