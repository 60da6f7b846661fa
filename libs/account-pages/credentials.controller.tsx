import { Body, Controller, Get, Inject, Post } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { VNode } from 'preact';
import {
  AddEmail,
  ChangeDisplayName,
  ChangeUsername,
  RemovePassword,
  SetPassword,
} from '#libs/users/commands/account.command.js';
import { isDisplayName } from '#libs/users/display-name.js';
import type { AccountTarget } from '#libs/users/commands/account.command.js';
import { parseEmailAddress } from '#libs/users/email-address.js';
import { checkNewPassword } from '#libs/users/password-policy.js';
import { loadAccount } from '#libs/users/queries/load-account.js';
import type { Account } from '#libs/users/state.js';
import { parseUsername } from '#libs/users/username.js';
import type { BrowserSession } from '#libs/sign-in/browser-sessions.js';
import { formText, SIGN_IN_TEXTS } from '#libs/sign-in/texts.js';
import { addressKey } from '#libs/throttling/address-key.js';
import { page, redirect } from '#libs/web/answer.js';
import type { PageAnswer, RedirectAnswer } from '#libs/web/answer.js';
import { ACCOUNT_DEPENDENCIES } from './account-dependencies.js';
import type { AccountDependencies } from './account-dependencies.js';
import { typedText } from './account-forms.js';
import type { Form } from './account-forms.js';
import { AccountSession, RequireRecentAuthentication } from './account-session.guard.js';
import { Visit } from './account-visit.js';
import type { AccountVisit } from './account-visit.js';
import { ChangePage, DangerousAction } from './credentials-page.js';
import { refusedChange } from './refusals.js';
import { ACCOUNT_TEXTS as texts } from './texts.js';

/** What a form that came back shows: what was typed (never a password), and what is wrong with it. */
interface Again {
  readonly value?: string | undefined;
  readonly code?: string | undefined;
}
type Showing = (csrf: string, account: Account, again: Again) => VNode;
type Answer = PageAnswer | RedirectAnswer;

const targetOf = (session: BrowserSession): AccountTarget => ({
  userId: session.userId,
  organizationId: session.organizationId,
  inSession: session,
});

const namePage: Showing = (csrf, account, again) => (
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

const usernamePage: Showing = (csrf, account, again) => (
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

const emailPage: Showing = (csrf, account, again) => (
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

const passwordPage: Showing = (csrf, account, again) => (
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

/** A user's name, username, email address and password. All but the name need a recent re-authentication. */
@Controller('/account')
@AccountSession()
export class CredentialsController {
  constructor(
    @Inject(ACCOUNT_DEPENDENCIES) private readonly dependencies: AccountDependencies,
    @Inject(CommandBus) private readonly commands: CommandBus,
  ) {}

  @Get('/name')
  showName(@Visit() visit: AccountVisit): Promise<PageAnswer> {
    return this.#show(namePage, visit);
  }

  @Get('/username')
  @RequireRecentAuthentication()
  showUsername(@Visit() visit: AccountVisit): Promise<PageAnswer> {
    return this.#show(usernamePage, visit);
  }

  @Get('/email')
  @RequireRecentAuthentication()
  showEmail(@Visit() visit: AccountVisit): Promise<PageAnswer> {
    return this.#show(emailPage, visit);
  }

  @Get('/password')
  @RequireRecentAuthentication()
  showPassword(@Visit() visit: AccountVisit): Promise<PageAnswer> {
    return this.#show(passwordPage, visit);
  }

  @Post('/name')
  async changeName(@Body() form: Form, @Visit() visit: AccountVisit): Promise<Answer> {
    const displayName = typedText(form.displayName)?.trim() ?? '';
    if (displayName === '' || !isDisplayName(displayName))
      return this.#show(namePage, visit, { value: displayName, code: 'display_name_invalid' });
    await this.commands.execute(new ChangeDisplayName(targetOf(visit.session), displayName, visit.meta));
    return redirect('/account?notice=name_changed');
  }

  @Post('/username')
  @RequireRecentAuthentication()
  async changeUsername(@Body() form: Form, @Visit() visit: AccountVisit): Promise<Answer> {
    const { session } = visit;
    const again = (code: string): Promise<PageAnswer> =>
      this.#show(usernamePage, visit, { value: typedText(form.username), code });
    const { throttles } = this.dependencies;
    const address = addressKey(visit.browser.address);
    const limited = await throttles.hit('username_probe_per_address', session.organizationId, address);
    if (limited.kind === 'throttled') return again('too_many_attempts');
    const username = parseUsername(form.username);
    if (username.kind === 'refused') return again(username.code);
    const { outcome } = await this.commands.execute(new ChangeUsername(targetOf(session), username, visit.meta));
    if (outcome.kind === 'done') return redirect('/account?notice=username_changed');
    if (outcome.code === 'username_taken') return again(outcome.code);
    throw refusedChange(outcome.code);
  }

  @Post('/email')
  @RequireRecentAuthentication()
  async addEmail(@Body() form: Form, @Visit() visit: AccountVisit): Promise<Answer> {
    const { session, browser } = visit;
    const { userId, organizationId } = session;
    const { throttles, accountMail, newId } = this.dependencies;
    const again = (code: string): Promise<PageAnswer> =>
      this.#show(emailPage, visit, { value: typedText(form.email), code });
    const email = parseEmailAddress(form.email);
    if (email.kind === 'refused') return again(email.code);
    const limited = await throttles.hit('mail_per_account', organizationId, userId);
    if (limited.kind === 'throttled') return again('too_many_attempts');
    const emailId = newId();
    const command = new AddEmail(targetOf(session), { emailId, address: email.address }, visit.meta);
    const { outcome } = await this.commands.execute(command);
    if (outcome.kind === 'refused') throw refusedChange(outcome.code);
    const { organizationName } = await visit.organization();
    const about = { organizationName, requestedFrom: browser.address, language: browser.language };
    await accountMail.sendVerification(email, { userId, organizationId, emailId }, about);
    return redirect('/account?notice=email_sent');
  }

  @Post('/password')
  @RequireRecentAuthentication()
  async setPassword(@Body() form: Form, @Visit() visit: AccountVisit): Promise<Answer> {
    const { session } = visit;
    const { state } = await loadAccount(this.dependencies.store, session.userId);
    const personal = [state.username?.username, state.verifiedEmail?.address, state.displayName];
    const check = checkNewPassword(form.password, personal);
    if (check.kind === 'refused') return this.#show(passwordPage, visit, { code: check.code });
    const password = form.password as string;
    const command = new SetPassword(targetOf(session), password, session.sessionId, visit.meta);
    const { outcome } = await this.commands.execute(command);
    if (outcome.kind === 'refused') throw refusedChange(outcome.code);
    await visit.rotateSession();
    return redirect('/account?notice=password_set');
  }

  @Post('/password/remove')
  @RequireRecentAuthentication()
  async removePassword(@Visit() { session, meta }: AccountVisit): Promise<RedirectAnswer> {
    const command = new RemovePassword(targetOf(session), session.sessionId, meta);
    const { outcome } = await this.commands.execute(command);
    if (outcome.kind === 'refused') throw refusedChange(outcome.code);
    return redirect('/account?notice=password_removed');
  }

  async #show(showing: Showing, visit: AccountVisit, again?: Again): Promise<PageAnswer> {
    const [{ state }] = await Promise.all([
      loadAccount(this.dependencies.store, visit.session.userId),
      visit.organization(),
    ]);
    const [value] = Object.values(visit.takeTyped() ?? {});
    return page(showing(visit.csrf, state, again ?? { value }), { status: again ? 422 : 200 });
  }
}
