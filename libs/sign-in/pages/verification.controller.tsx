import { Body, Controller, Get, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { Request, Response } from 'express';
import { VerifyEmail } from '#libs/users/commands/account.command.js';
import { parseEmailAddress } from '#libs/users/email-address.js';
import type { MailTarget } from '#libs/users/mail-tokens.postgres.js';
import { loadAccount } from '#libs/users/queries/load-account.js';
import { maySignIn, seenAt } from '#libs/users/state.js';
import type { AccountSeen } from '#libs/users/state.js';
import { pendingAddressKey } from '#libs/users/streams.js';
import { DEFAULT_ORGANIZATION } from '#libs/organizations/queries/default-organization.js';
import { addressKey } from '#libs/throttling/address-key.js';
import { Public } from '#libs/web/access/access.js';
import { brandAnswer } from '#libs/web/branding.js';
import { browserIdOf, ensureBrowserId } from '#libs/web/browser-binding.js';
import { sendErrorPage } from '#libs/web/error-page.js';
import { languageOfAnswer } from '#libs/web/locale.js';
import type { Language } from '#libs/web/messages.js';
import { contextOf } from '#libs/web/request-context.js';
import { sendPage } from '#libs/web/send-page.js';
import { loadOfferedProviders } from '../offered-providers.js';
import { SIGN_IN_DEPENDENCIES, signInPath } from '../sign-in-dependencies.js';
import type { SignInDependencies } from '../sign-in-dependencies.js';
import { completeSignIn } from './complete-sign-in.js';
import { accountPurpose } from './purpose.js';
import type { Purpose } from './purpose.js';
import { signInRefusal } from '../refusals.js';
import { formText, SIGN_IN_TEXTS } from '../texts.js';
import { MailRequestPage } from './mail-request-page.js';
import { MailSentPage, VerificationPage } from './verification-page.js';

type Form = Readonly<Record<string, unknown>>;
/**
 * Where the account stood when its password fitted: another password since, and the sign-in is over (domain.md,
 * "Sign-in against revocation").
 */
type Proven =
  { readonly kind: 'proven'; readonly account: AccountSeen } | { readonly kind: 'refused'; readonly code: string };
const REQUEST = '/verification';
/**
 * Nothing reserves an address that nobody verified, so strangers may wait for it too; more than a few are not mailed
 * for.
 */
const MOST_MAILS = 3;

/**
 * Proving an address by the mail to it. The mail alone proves that its reader owns the address, not that the account is
 * theirs (L3): that takes a session of the account, or its password. So whoever lost the first session before the
 * address was verified, and has no other name to sign in with, gets in; a stranger who put the address on an account of
 * their own gets nothing.
 */
@Controller()
@Public()
export class VerificationController {
  constructor(
    @Inject(SIGN_IN_DEPENDENCIES) private readonly dependencies: SignInDependencies,
    @Inject(CommandBus) private readonly commands: CommandBus,
  ) {}

  @Get(REQUEST)
  async showRequest(
    @Query('organization') named: unknown,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const purpose = await accountPurpose(this.dependencies, named ?? DEFAULT_ORGANIZATION, response);
    if (purpose) this.#sendRequestPage(purpose, request, response);
  }

  @Post(REQUEST)
  async request(@Body() form: Form, @Req() request: Request, @Res() response: Response): Promise<void> {
    const { csrf, cookies, newId, throttles } = this.dependencies;
    if (!csrf.verify(form.csrf, browserIdOf(request, cookies), REQUEST))
      return sendErrorPage(response, signInRefusal('form_expired', newId(), REQUEST));
    const purpose = await accountPurpose(this.dependencies, form.organization, response);
    if (!purpose) return;
    const email = parseEmailAddress(form.email);
    if (email.kind === 'refused') {
      const typed = typeof form.email === 'string' ? form.email.slice(0, 320) : '';
      return this.#sendRequestPage(purpose, request, response, { typed, code: email.code });
    }
    const { organizationId } = purpose;
    const limited = await throttles.hit('mail_per_address', organizationId, addressKey(request.ip));
    if (limited.kind === 'throttled')
      return sendErrorPage(response, signInRefusal('too_many_attempts', newId(), REQUEST));
    // Not waited for: an answer that takes as long as a mail would tell that the address is known (L25).
    void this.#sendIfPending(email, purpose, request.ip, languageOfAnswer(response));
    sendPage(
      response,
      <MailSentPage
        explanation={SIGN_IN_TEXTS.verificationSent}
        signInHref={signInPath(undefined, { organizationId })}
      />,
    );
  }

  @Get('/verify-email/:token')
  async show(@Param('token') token: string, @Req() request: Request, @Res() response: Response): Promise<void> {
    const found = await this.#find(token, request, response);
    if (found) this.#sendVerificationPage(found, request, response);
  }

  @Post('/verify-email/:token')
  async verify(
    @Param('token') token: string,
    @Body() form: Form,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const { csrf, cookies, newId, mailTokens } = this.dependencies;
    const found = await this.#find(token, request, response);
    if (!found) return;
    if (!csrf.verify(form.csrf, browserIdOf(request, cookies), found.path))
      return sendErrorPage(response, signInRefusal('form_expired', newId(), found.path));
    const { target, inSession } = found;
    const { userId, organizationId } = target;
    const proven = inSession ? undefined : await this.#byPassword(form.password, target);
    if (proven?.kind === 'refused') return this.#sendVerificationPage(found, request, response, proven.code);
    const context = contextOf(request, newId, { type: 'user', id: userId }, { organizationId });
    const used = await mailTokens.consume('verify_email', token);
    if (!used) return this.#refuse(response, 'email_verification_invalid');
    const { outcome } = await this.commands.execute(new VerifyEmail({ userId, organizationId }, used.emailId, context));
    if (outcome.kind === 'refused') return this.#refuse(response, outcome.code);
    if (!proven) return response.redirect(303, '/account?notice=email_verified');
    const completed = await completeSignIn(
      this.dependencies,
      {
        userId,
        organizationId,
        method: { kind: 'password' },
        account: proven.account,
        amr: ['pwd'],
        interaction: undefined,
        context,
      },
      request,
      response,
    );
    if (completed.kind === 'refused') return this.#refuse(response, completed.code);
    response.redirect(303, '/account?notice=email_verified');
  }

  /** What a mail's link stands for, in this browser; or an error page when it stands for nothing here. */
  async #find(token: string, request: Request, response: Response) {
    const { mailTokens, sessions, store, continuations } = this.dependencies;
    const path = `/verify-email/${token}`;
    const [target, session] = [await mailTokens.peek('verify_email', token), await sessions.current(request, response)];
    // Whose session it is decides; a mail that another account waits for proves nothing in it.
    if (!target || (session && session.userId !== target.userId))
      return void this.#refuse(response, 'email_verification_invalid');
    const { branding, loginPolicy } = await loadOfferedProviders(store, target.organizationId);
    brandAnswer(response, branding);
    if (
      !session &&
      (!loginPolicy.password || (await loadAccount(store, target.userId)).state.passwordHash === undefined)
    ) {
      continuations.remember({ path }, request, response);
      return response.redirect(303, signInPath(undefined, { organizationId: target.organizationId }));
    }
    return { path, target, inSession: session !== undefined };
  }

  /** The account's password, counted and limited as at sign-in. */
  async #byPassword(password: unknown, { userId, organizationId }: MailTarget): Promise<Proven> {
    const { throttles, passwords, store } = this.dependencies;
    const key = `verification of ${userId}`;
    const limited = await throttles.hit('sign_in_per_account', organizationId, key);
    if (limited.kind === 'throttled') return { kind: 'refused', code: 'too_many_attempts' };
    const { state, revision } = await loadAccount(store, userId);
    const { matches } = await passwords.verify(state.passwordHash, typeof password === 'string' ? password : '');
    if (!matches || !maySignIn(state, organizationId)) return { kind: 'refused', code: 'password_wrong' };
    await throttles.reset('sign_in_per_account', organizationId, key);
    return { kind: 'proven', account: seenAt(state, revision) };
  }

  async #sendIfPending(
    email: { readonly address: string; readonly canonical: string },
    { organizationId, organizationName }: Purpose,
    requestedFrom: string | undefined,
    language: Language,
  ): Promise<void> {
    const { indexKeys, throttles, accountMail, pendingAddresses, store, logger } = this.dependencies;
    try {
      const key = pendingAddressKey(indexKeys, organizationId, email.canonical);
      if ((await throttles.hit('mail_per_account', organizationId, key)).kind === 'throttled') return;
      for (const { userId, emailId } of await pendingAddresses.find(key, MOST_MAILS)) {
        const { state } = await loadAccount(store, userId);
        if (!maySignIn(state, organizationId) || state.unverifiedEmail?.emailId !== emailId) continue;
        // To the address as it stands on the account: whoever writes it otherwise may have another mailbox.
        const to = { address: state.unverifiedEmail.address ?? email.address, canonical: email.canonical };
        await accountMail.sendVerification(
          to,
          { userId, organizationId, emailId },
          { organizationName, requestedFrom, language },
        );
      }
    } catch (error) {
      logger.error({ error: (error as Error).message }, 'a verification mail could not be sent again');
    }
  }

  #sendRequestPage(
    { organizationId }: Purpose,
    request: Request,
    response: Response,
    again?: { readonly typed: string; readonly code: string },
  ): void {
    sendPage(
      response,
      <MailRequestPage
        title={SIGN_IN_TEXTS.verificationRequest}
        explanation={SIGN_IN_TEXTS.verificationRequestExplanation}
        action={REQUEST}
        csrf={this.#csrf(REQUEST, request, response)}
        organizationId={organizationId}
        signInHref={signInPath(undefined, { organizationId })}
        email={again?.typed}
        error={formText(again?.code)}
      />,
      { status: again ? 422 : 200 },
    );
  }

  #sendVerificationPage(
    { path, inSession }: { readonly path: string; readonly inSession: boolean },
    request: Request,
    response: Response,
    code?: string,
  ): void {
    const csrf = this.#csrf(path, request, response);
    sendPage(
      response,
      <VerificationPage action={path} csrf={csrf} asksPassword={!inSession} error={formText(code)} />,
      {
        status: code ? 422 : 200,
      },
    );
  }

  #csrf(path: string, request: Request, response: Response): string {
    return this.dependencies.csrf.issue(ensureBrowserId(request, response, this.dependencies.cookies), path);
  }

  #refuse(response: Response, code: string): void {
    const correlationId = this.dependencies.newId();
    this.dependencies.logger.info({ correlationId, refusal: code }, 'an address was not verified');
    sendErrorPage(response, signInRefusal(code, correlationId, '/account'));
  }
}
