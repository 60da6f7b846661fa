import { Body, Controller, Get, Inject, Param, Post, Req, Res } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { Request, Response } from 'express';
import { RegisterUser } from '#libs/accounts/commands/register-user.command.js';
import { loadAccount } from '#libs/accounts/queries/load-account.js';
import { seenAt } from '#libs/accounts/state.js';
import type { LoginPolicy } from '#libs/organizations/events.js';
import { DEFAULT_ORGANIZATION } from '#libs/organizations/queries/default-organization.js';
import { browserIdOf, ensureBrowserId } from '#libs/web/browser-binding.js';
import { sendErrorPage } from '#libs/web/error-page.js';
import { preferUiLocales } from '#libs/web/locale.js';
import { contextOf } from '#libs/web/request-context.js';
import { sendPage } from '#libs/web/send-page.js';
import type { SignInInteraction } from '../interactions.js';
import { loadOfferedProviders } from '../offered-providers.js';
import { registrationPath, SIGN_IN_DEPENDENCIES, signInPath } from '../sign-in-dependencies.js';
import type { SignInDependencies } from '../sign-in-dependencies.js';
import { checkAccountForm, typedAccount } from './account-form.js';
import type { AccountFormNeeds } from './account-form.js';
import { completeSignIn } from './complete-sign-in.js';
import { signInRefusal } from './refusals.js';
import { RegistrationPage } from './registration-page.js';

type Form = Readonly<Record<string, unknown>>;

/** Which fields a new account must have to be signed in to with a password. */
const needsOf = ({ loginNames }: LoginPolicy): AccountFormNeeds => ({
  username: loginNames.includes('username') ? 'required' : 'none',
  email: loginNames.includes('username') ? 'optional' : 'required',
  password: true,
});

/** Creating an account by hand, where the organization allows it. */
@Controller()
export class RegistrationController {
  constructor(
    @Inject(SIGN_IN_DEPENDENCIES) private readonly dependencies: SignInDependencies,
    @Inject(CommandBus) private readonly commands: CommandBus,
  ) {}

  @Get('/register')
  showForAccount(@Req() request: Request, @Res() response: Response): Promise<void> {
    return this.#show(undefined, request, response);
  }

  @Get('/register/:uid')
  async showForInteraction(@Param('uid') uid: string, @Req() request: Request, @Res() response: Response): Promise<void> {
    const interaction = await this.#interaction(uid, request, response);
    if (interaction) await this.#show(interaction, request, response);
  }

  @Post('/register')
  registerForAccount(@Body() form: Form, @Req() request: Request, @Res() response: Response): Promise<void> {
    return this.#register(undefined, form, request, response);
  }

  @Post('/register/:uid')
  async registerForInteraction(
    @Param('uid') uid: string,
    @Body() form: Form,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const interaction = await this.#interaction(uid, request, response);
    if (interaction) await this.#register(interaction, form, request, response);
  }

  async #interaction(uid: string, request: Request, response: Response): Promise<SignInInteraction | undefined> {
    const interaction = await this.dependencies.interactions.findInteraction(request, response);
    preferUiLocales(response, interaction?.uiLocales);
    if (interaction?.uid === uid) return interaction;
    sendErrorPage(response, signInRefusal('sign_in_expired', this.dependencies.newId()));
    return undefined;
  }

  async #show(
    interaction: SignInInteraction | undefined,
    request: Request,
    response: Response,
    again?: { readonly form: Form; readonly errors: Readonly<Record<string, string>> },
  ): Promise<void> {
    const { store, csrf, cookies, newId } = this.dependencies;
    const { organizationName, loginPolicy } = await loadOfferedProviders(store, interaction?.organizationId ?? DEFAULT_ORGANIZATION);
    if (!loginPolicy.registration || !loginPolicy.password)
      return sendErrorPage(response, signInRefusal('registration_not_allowed', newId(), signInPath(interaction?.uid)));
    const path = registrationPath(interaction?.uid);
    sendPage(
      response,
      <RegistrationPage
        organizationName={organizationName}
        action={path}
        signInHref={signInPath(interaction?.uid)}
        csrf={csrf.issue(ensureBrowserId(request, response, cookies), path)}
        typed={again ? typedAccount(again.form) : {}}
        errors={again?.errors ?? {}}
        needs={needsOf(loginPolicy)}
      />,
      { status: again ? 422 : 200, formTargets: interaction?.redirectOrigin ? [interaction.redirectOrigin] : [] },
    );
  }

  async #register(interaction: SignInInteraction | undefined, form: Form, request: Request, response: Response): Promise<void> {
    const { store, csrf, cookies, newId, throttles, accountMail } = this.dependencies;
    const organizationId = interaction?.organizationId ?? DEFAULT_ORGANIZATION;
    const path = registrationPath(interaction?.uid);
    if (!csrf.verify(form.csrf, browserIdOf(request, cookies), path))
      return sendErrorPage(response, signInRefusal('form_expired', newId(), path));
    const { organizationName, loginPolicy } = await loadOfferedProviders(store, organizationId);
    if (!loginPolicy.registration || !loginPolicy.password)
      return sendErrorPage(response, signInRefusal('registration_not_allowed', newId(), signInPath(interaction?.uid)));
    // That a username is taken is shown here and nowhere else, so asking is limited (L25).
    const limited = await throttles.hit('registration_per_address', organizationId, request.ip ?? 'unknown');
    if (limited.kind === 'throttled')
      return this.#show(interaction, request, response, { form, errors: { password: 'too_many_attempts' } });
    const checked = checkAccountForm(form, needsOf(loginPolicy));
    if (checked.kind === 'refused') return this.#show(interaction, request, response, { form, errors: checked.errors });

    const context = contextOf(request, newId, { type: 'system', id: 'registration' }, { organizationId });
    const { displayName, username, email, password } = checked;
    const created = await this.commands.execute(
      new RegisterUser({ organizationId, displayName, username, email, password, identity: undefined }, context),
    );
    if (created.kind === 'refused') return this.#show(interaction, request, response, { form, errors: { username: created.code } });
    if (created.kind === 'overtaken') return sendErrorPage(response, signInRefusal('sign_in_expired', context.correlationId, path));
    const { userId, emailId } = created;
    if (email && emailId) {
      await accountMail.sendVerification(
        email.address,
        { userId, organizationId, emailId },
        { organizationName, requestedFrom: request.ip },
      );
    }
    const { state, revision } = await loadAccount(store, userId);
    const completed = await completeSignIn(
      this.dependencies,
      { userId, organizationId, method: { kind: 'password' }, account: seenAt(state, revision), amr: ['pwd'], interaction, context },
      request,
      response,
    );
    if (completed.kind === 'signed_in') return response.redirect(303, completed.continueAt);
    sendErrorPage(response, signInRefusal(completed.code, context.correlationId, signInPath(interaction?.uid)));
  }
}
