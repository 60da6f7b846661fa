import { Body, Controller, Get, Inject, Post, Req, Res } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { Request, Response } from 'express';
import type { VNode } from 'preact';
import {
  AddEmail,
  ChangeDisplayName,
  ChangeUsername,
  RemovePassword,
  SetPassword,
} from '#libs/accounts/commands/account.command.js';
import { parseEmailAddress } from '#libs/accounts/email-address.js';
import { checkNewPassword } from '#libs/accounts/password-policy.js';
import { loadAccount } from '#libs/accounts/queries/load-account.js';
import type { AccountTarget } from '#libs/accounts/commands/account.command.js';
import type { Account } from '#libs/accounts/state.js';
import { parseUsername } from '#libs/accounts/username.js';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import type { BrowserSession } from '#libs/sign-in/browser-sessions.js';
import { formText, SIGN_IN_TEXTS } from '#libs/sign-in/pages/texts.js';
import { addressKey } from '#libs/throttling/address-key.js';
import { declareAccess } from '#libs/web/access/access-metadata.js';
import { languageOfAnswer } from '#libs/web/locale.js';
import { contextOf } from '#libs/web/request-context.js';
import { sendPage } from '#libs/web/send-page.js';
import { ACCOUNT_DEPENDENCIES } from './account-dependencies.js';
import type { AccountDependencies } from './account-dependencies.js';
import { AccountGuard } from './account-guard.js';
import { ChangePage, DangerousAction } from './credentials-page.js';
import { ACCOUNT_TEXTS as texts } from './texts.js';

type Form = Readonly<Record<string, unknown>>;
/** What a form that came back shows: what was typed (never a password), and what is wrong with it. */
interface Again {
  readonly value?: string | undefined;
  readonly code?: string | undefined;
}
type Showing = (csrf: string, account: Account, again: Again) => VNode;

const typed = (value: unknown): string | undefined => (typeof value === 'string' ? value.slice(0, 320) : undefined);

const targetOf = (session: BrowserSession): AccountTarget => ({
  userId: session.userId,
  organizationId: session.organizationId,
  inSession: session,
});

/** A person's name, username, e-mail address and password. All but the name need a recent re-authentication. */
@Controller()
@declareAccess({ kind: 'account_session' })
export class CredentialsController {
  readonly #guard: AccountGuard;

  constructor(
    @Inject(ACCOUNT_DEPENDENCIES) private readonly dependencies: AccountDependencies,
    @Inject(CommandBus) private readonly commands: CommandBus,
  ) {
    this.#guard = new AccountGuard(dependencies);
  }

  readonly #name: Showing = (csrf, account, again) => (
    <ChangePage
      title={texts.yourName}
      action="/account/name"
      field={{
        name: 'displayName',
        label: texts.name,
        autocomplete: 'name',
        value: again.value ?? account.displayName,
        error: formText(again.code),
      }}
      button={texts.changeTheName}
      csrf={csrf}
    />
  );

  readonly #username: Showing = (csrf, account, again) => (
    <ChangePage
      title={texts.yourUsername}
      action="/account/username"
      field={{
        name: 'username',
        label: texts.username,
        autocomplete: 'username',
        value: again.value ?? account.username?.username,
        error: formText(again.code),
      }}
      button={texts.changeTheUsername}
      csrf={csrf}
    />
  );

  readonly #email: Showing = (csrf, account, again) => (
    <ChangePage
      title={texts.yourEmail}
      explanation={texts.emailExplanation}
      action="/account/email"
      field={{
        name: 'email',
        label: texts.email,
        type: 'email',
        autocomplete: 'email',
        value: again.value ?? account.unverifiedEmail?.address,
        error: formText(again.code),
      }}
      button={texts.sendTheMail}
      csrf={csrf}
    />
  );

  readonly #password: Showing = (csrf, account, again) => (
    <ChangePage
      title={account.passwordHash === undefined ? texts.setAPassword : texts.changeYourPassword}
      explanation={texts.passwordExplanation}
      action="/account/password"
      field={{
        name: 'password',
        label: SIGN_IN_TEXTS.newPassword,
        type: 'password',
        autocomplete: 'new-password',
        hint: SIGN_IN_TEXTS.passwordHint,
        error: formText(again.code),
      }}
      button={texts.setThePassword}
      csrf={csrf}
    >
      {account.passwordHash !== undefined && (
        <DangerousAction action="/account/password/remove" button={texts.removeThePassword} csrf={csrf} />
      )}
    </ChangePage>
  );

  @Get('/account/name')
  showName(@Req() request: Request, @Res() response: Response): Promise<void> {
    return this.#show(this.#name, request, response);
  }

  @Get('/account/username')
  showUsername(@Req() request: Request, @Res() response: Response): Promise<void> {
    return this.#show(this.#username, request, response, { sensitive: true });
  }

  @Get('/account/email')
  showEmail(@Req() request: Request, @Res() response: Response): Promise<void> {
    return this.#show(this.#email, request, response, { sensitive: true });
  }

  @Get('/account/password')
  showPassword(@Req() request: Request, @Res() response: Response): Promise<void> {
    return this.#show(this.#password, request, response, { sensitive: true });
  }

  @Post('/account/name')
  async changeName(@Body() form: Form, @Req() request: Request, @Res() response: Response): Promise<void> {
    const authorized = await this.#guard.authorize(form, request, response);
    if (!authorized) return;
    const displayName = typed(form.displayName)?.trim() ?? '';
    if (displayName === '' || [...displayName].length > 100 || /\p{Cc}/u.test(displayName))
      return this.#show(this.#name, request, response, { again: { value: displayName, code: 'display_name_invalid' } });
    const { session } = authorized;
    await this.commands.execute(new ChangeDisplayName(targetOf(session), displayName, this.#context(session, request)));
    response.redirect(303, '/account?notice=name_changed');
  }

  @Post('/account/username')
  async changeUsername(@Body() form: Form, @Req() request: Request, @Res() response: Response): Promise<void> {
    const authorized = await this.#guard.authorize(form, request, response);
    if (!authorized || !(await this.#guard.isRecent(authorized.session, request, response))) return;
    const { session } = authorized;
    const again = (code: string): Promise<void> =>
      this.#show(this.#username, request, response, { again: { value: typed(form.username), code } });
    const limited = await this.dependencies.throttles.hit(
      'username_probe_per_address',
      session.organizationId,
      addressKey(request.ip),
    );
    if (limited.kind === 'throttled') return again('too_many_attempts');
    const username = parseUsername(form.username);
    if (username.kind === 'refused') return again(username.code);
    const { outcome } = await this.commands.execute(
      new ChangeUsername(targetOf(session), username, this.#context(session, request)),
    );
    if (outcome.kind === 'refused')
      return outcome.code === 'username_taken' ? again(outcome.code) : this.#guard.refuse(response, outcome.code);
    response.redirect(303, '/account?notice=username_changed');
  }

  @Post('/account/email')
  async addEmail(@Body() form: Form, @Req() request: Request, @Res() response: Response): Promise<void> {
    const authorized = await this.#guard.authorize(form, request, response);
    if (!authorized || !(await this.#guard.isRecent(authorized.session, request, response))) return;
    const { session } = authorized;
    const { userId, organizationId } = session;
    const { throttles, accountMail, newId } = this.dependencies;
    const again = (code: string): Promise<void> =>
      this.#show(this.#email, request, response, { again: { value: typed(form.email), code } });
    const email = parseEmailAddress(form.email);
    if (email.kind === 'refused') return again(email.code);
    const limited = await throttles.hit('mail_per_account', organizationId, userId);
    if (limited.kind === 'throttled') return again('too_many_attempts');
    const emailId = newId();
    const { address } = email;
    const { outcome } = await this.commands.execute(
      new AddEmail(targetOf(session), { emailId, address }, this.#context(session, request)),
    );
    if (outcome.kind === 'refused') return this.#guard.refuse(response, outcome.code);
    const { organizationName } = await this.#guard.organization(session, response);
    const about = { organizationName, requestedFrom: request.ip, language: languageOfAnswer(response) };
    await accountMail.sendVerification(email, { userId, organizationId, emailId }, about);
    response.redirect(303, '/account?notice=email_sent');
  }

  @Post('/account/password')
  async setPassword(@Body() form: Form, @Req() request: Request, @Res() response: Response): Promise<void> {
    const authorized = await this.#guard.authorize(form, request, response);
    if (!authorized || !(await this.#guard.isRecent(authorized.session, request, response))) return;
    const { session } = authorized;
    const { state } = await loadAccount(this.dependencies.store, session.userId);
    const check = checkNewPassword(form.password, [
      state.username?.username,
      state.verifiedEmail?.address,
      state.displayName,
    ]);
    if (check.kind === 'refused') return this.#show(this.#password, request, response, { again: { code: check.code } });
    const { outcome } = await this.commands.execute(
      new SetPassword(targetOf(session), form.password as string, session.sessionId, this.#context(session, request)),
    );
    if (outcome.kind === 'refused') return this.#guard.refuse(response, outcome.code);
    await this.dependencies.sessions.rotate(session.sessionId, request, response);
    response.redirect(303, '/account?notice=password_set');
  }

  @Post('/account/password/remove')
  async removePassword(@Body() form: Form, @Req() request: Request, @Res() response: Response): Promise<void> {
    const authorized = await this.#guard.authorize(form, request, response);
    if (!authorized || !(await this.#guard.isRecent(authorized.session, request, response))) return;
    const { session } = authorized;
    const { outcome } = await this.commands.execute(
      new RemovePassword(targetOf(session), session.sessionId, this.#context(session, request)),
    );
    if (outcome.kind === 'refused') return this.#guard.refuse(response, outcome.code);
    response.redirect(303, '/account?notice=password_removed');
  }

  /**
   * @param options.sensitive what the page changes needs a recent re-authentication: asked for before anything is typed
   */
  async #show(
    page: Showing,
    request: Request,
    response: Response,
    { again, sensitive = false }: { readonly again?: Again; readonly sensitive?: boolean } = {},
  ): Promise<void> {
    const session = await this.#guard.session(request, response);
    if (!session || (sensitive && !(await this.#guard.isRecent(session, request, response)))) return;
    const { state } = await loadAccount(this.dependencies.store, session.userId);
    await this.#guard.organization(session, response);
    const [value] = Object.values(this.#guard.typed(session, request, response) ?? {});
    const shown = page(this.#guard.csrfFor(session, request, response), state, again ?? { value });
    sendPage(response, shown, { status: again ? 422 : 200 });
  }

  #context({ userId, organizationId }: BrowserSession, request: Request): CommandContext {
    return contextOf(request, this.dependencies.newId, { type: 'user', id: userId }, { organizationId });
  }
}
