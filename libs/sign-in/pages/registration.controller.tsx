import { Body, Controller, Get, Inject, Param, Post, Req, Res } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { Request, Response } from 'express';
import { RegisterUser } from '#libs/users/commands/register-user.command.js';
import { loadAccount } from '#libs/users/queries/load-account.js';
import { seenAt } from '#libs/users/state.js';
import type { LoginPolicy } from '#libs/organizations/events.js';
import { addressKey } from '#libs/throttling/address-key.js';
import { Public } from '#libs/web/access/access.js';
import { browserIdOf, ensureBrowserId } from '#libs/web/browser-binding.js';
import { sendErrorPage } from '#libs/web/error-page.js';
import { languageOfAnswer } from '#libs/web/locale.js';
import { contextOf } from '#libs/web/request-context.js';
import { sendPage } from '#libs/web/send-page.js';
import { registrationPath, SIGN_IN_DEPENDENCIES, signInPath } from '../sign-in-dependencies.js';
import type { SignInDependencies } from '../sign-in-dependencies.js';
import { checkAccountForm, typedAccount } from './account-form.js';
import type { AccountFormNeeds } from './account-form.js';
import { completeSignIn } from './complete-sign-in.js';
import { accountPurpose, interactionPurpose } from './purpose.js';
import type { Purpose } from './purpose.js';
import { signInRefusal } from '../refusals.js';
import { RegistrationPage } from './registration-page.js';

type Form = Readonly<Record<string, unknown>>;

/** Which fields a new account must have to be signed in to with a password. */
const needsOf = ({ loginNames }: LoginPolicy): AccountFormNeeds => ({
  username: loginNames.includes('username') ? 'required' : 'none',
  email: loginNames.includes('username') ? 'optional' : 'required',
  password: true,
});

const pathOf = ({ interaction, organizationId }: Purpose): string => registrationPath(interaction?.uid, organizationId);

/** Creating an account by hand, where the organization allows it. */
@Controller()
@Public()
export class RegistrationController {
  constructor(
    @Inject(SIGN_IN_DEPENDENCIES) private readonly dependencies: SignInDependencies,
    @Inject(CommandBus) private readonly commands: CommandBus,
  ) {}

  @Get(['/register', '/o/:organization/register'])
  async showForAccount(
    @Param('organization') organization: unknown,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const purpose = await accountPurpose(this.dependencies, organization, response);
    if (purpose) this.#show(purpose, request, response);
  }

  @Get('/sign-in/:uid/register')
  async showForInteraction(
    @Param('uid') uid: string,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const purpose = await interactionPurpose(this.dependencies, uid, request, response);
    if (purpose) this.#show(purpose, request, response);
  }

  @Post(['/register', '/o/:organization/register'])
  async registerForAccount(
    @Param('organization') organization: unknown,
    @Body() form: Form,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const purpose = await accountPurpose(this.dependencies, organization, response);
    if (purpose) await this.#register(purpose, form, request, response);
  }

  @Post('/sign-in/:uid/register')
  async registerForInteraction(
    @Param('uid') uid: string,
    @Body() form: Form,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const purpose = await interactionPurpose(this.dependencies, uid, request, response);
    if (purpose) await this.#register(purpose, form, request, response);
  }

  #show(
    purpose: Purpose,
    request: Request,
    response: Response,
    again?: { readonly form: Form; readonly errors: Readonly<Record<string, string>> },
  ): void {
    const { csrf, cookies } = this.dependencies;
    const { interaction, organizationId, loginPolicy } = purpose;
    if (!this.#allowed(purpose, response)) return;
    const path = pathOf(purpose);
    sendPage(
      response,
      <RegistrationPage
        action={path}
        signInHref={signInPath(interaction?.uid, { organizationId })}
        csrf={csrf.issue(ensureBrowserId(request, response, cookies), path)}
        typed={again ? typedAccount(again.form) : {}}
        errors={again?.errors ?? {}}
        needs={needsOf(loginPolicy)}
      />,
      { status: again ? 422 : 200, formTargets: interaction?.redirectOrigin ? [interaction.redirectOrigin] : [] },
    );
  }

  async #register(purpose: Purpose, form: Form, request: Request, response: Response): Promise<void> {
    const { store, csrf, cookies, newId, throttles, accountMail } = this.dependencies;
    const { interaction, organizationId, organizationName, loginPolicy } = purpose;
    const path = pathOf(purpose);
    if (!csrf.verify(form.csrf, browserIdOf(request, cookies), path))
      return sendErrorPage(response, signInRefusal('form_expired', newId(), path));
    if (!this.#allowed(purpose, response)) return;
    // That a username is taken is shown here and nowhere else, so asking is limited (L25).
    const limited = await throttles.hit('registration_per_address', organizationId, addressKey(request.ip));
    if (limited.kind === 'throttled')
      return this.#show(purpose, request, response, { form, errors: { form: 'too_many_attempts' } });
    const checked = checkAccountForm(form, needsOf(loginPolicy));
    if (checked.kind === 'refused') return this.#show(purpose, request, response, { form, errors: checked.errors });

    const context = contextOf(request, newId, { type: 'system', id: 'registration' }, { organizationId });
    const { displayName, username, email, password } = checked;
    const created = await this.commands.execute(
      new RegisterUser({ organizationId, displayName, username, email, password, identity: undefined }, context),
    );
    if (created.kind === 'refused')
      return this.#show(purpose, request, response, { form, errors: { username: created.code } });
    if (created.kind === 'overtaken')
      return sendErrorPage(response, signInRefusal('sign_in_expired', context.correlationId, path));
    const { userId, emailId } = created;
    if (email && emailId) {
      await accountMail.sendVerification(
        email,
        { userId, organizationId, emailId },
        { organizationName, requestedFrom: request.ip, language: languageOfAnswer(response) },
      );
    }
    const { state, revision } = await loadAccount(store, userId);
    const completed = await completeSignIn(
      this.dependencies,
      {
        userId,
        organizationId,
        method: { kind: 'password' },
        account: seenAt(state, revision),
        amr: ['pwd'],
        interaction,
        context,
      },
      request,
      response,
    );
    if (completed.kind !== 'refused') return response.redirect(303, completed.continueAt);
    sendErrorPage(
      response,
      signInRefusal(completed.code, context.correlationId, signInPath(interaction?.uid, { organizationId })),
    );
  }

  #allowed({ interaction, organizationId, loginPolicy }: Purpose, response: Response): boolean {
    if (loginPolicy.registration && loginPolicy.password) return true;
    const signIn = signInPath(interaction?.uid, { organizationId });
    sendErrorPage(response, signInRefusal('registration_not_allowed', this.dependencies.newId(), signIn));
    return false;
  }
}
