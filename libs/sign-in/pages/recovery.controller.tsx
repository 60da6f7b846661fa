import { Body, Controller, Get, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { Request, Response } from 'express';
import type { MailAbout } from '#libs/users/account-mail.js';
import { RecoverAccount } from '#libs/users/commands/account.command.js';
import { parseEmailAddress } from '#libs/users/email-address.js';
import { checkNewPassword } from '#libs/users/password-policy.js';
import { mayRecover } from '#libs/users/decide.js';
import { loadAccount } from '#libs/users/queries/load-account.js';
import { verifiedEmailKey, verifiedEmailStream } from '#libs/users/streams.js';
import { claimableEmail } from '#libs/users/claims/claimable.js';
import { Claims } from '#libs/users/claims/claims.js';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import { loadWaysIn } from '#libs/linking/queries/providers-in-organization.js';
import { DEFAULT_ORGANIZATION } from '#libs/organizations/queries/default-organization.js';
import { slugSchema } from '#libs/platform/slug.js';
import { addressKey } from '#libs/throttling/address-key.js';
import { Public } from '#libs/web/access/access.js';
import { brandAnswer } from '#libs/web/branding.js';
import { browserIdOf, ensureBrowserId } from '#libs/web/browser-binding.js';
import { sendErrorPage } from '#libs/web/error-page.js';
import { languageOfAnswer } from '#libs/web/locale.js';
import { contextOf } from '#libs/web/request-context.js';
import { sendPage } from '#libs/web/send-page.js';
import { loadOfferedProviders } from '../offered-providers.js';
import type { OfferedWaysIn } from '../offered-providers.js';
import { SIGN_IN_DEPENDENCIES, signInPath } from '../sign-in-dependencies.js';
import type { SignInDependencies } from '../sign-in-dependencies.js';
import { MailRequestPage } from './mail-request-page.js';
import { NewPasswordPage } from './recovery-page.js';
import { signInRefusal } from '../refusals.js';
import { formText, SIGN_IN_TEXTS } from '../texts.js';
import { MailSentPage } from './verification-page.js';

type Form = Readonly<Record<string, unknown>>;
const PATH = '/recovery';

/** The organization that a person recovers an account of: what the sign-in page named, else the default one. */
const organizationOf = (named: unknown): string => {
  const parsed = slugSchema.safeParse(named);
  return parsed.success ? parsed.data : DEFAULT_ORGANIZATION;
};

/** Getting back in with a verified e-mail address, where the organization allows it. */
@Controller(PATH)
@Public()
export class RecoveryController {
  constructor(
    @Inject(SIGN_IN_DEPENDENCIES) private readonly dependencies: SignInDependencies,
    @Inject(CommandBus) private readonly commands: CommandBus,
  ) {}

  @Get()
  async show(@Query('organization') named: unknown, @Req() request: Request, @Res() response: Response): Promise<void> {
    const organizationId = organizationOf(named);
    if (!(await this.#allowed(organizationId, response))) return;
    this.#sendRequestPage(organizationId, request, response);
  }

  @Post()
  async request(@Body() form: Form, @Req() request: Request, @Res() response: Response): Promise<void> {
    const { csrf, cookies, newId, throttles } = this.dependencies;
    if (!csrf.verify(form.csrf, browserIdOf(request, cookies), PATH))
      return sendErrorPage(response, signInRefusal('form_expired', newId(), PATH));
    const organizationId = organizationOf(form.organization);
    const organization = await this.#allowed(organizationId, response);
    if (!organization) return;
    const email = parseEmailAddress(form.email);
    if (email.kind === 'refused') {
      const typed = typeof form.email === 'string' ? form.email.slice(0, 320) : undefined;
      return this.#sendRequestPage(organizationId, request, response, { typed, code: email.code });
    }
    const limited = await throttles.hit('mail_per_address', organizationId, addressKey(request.ip));
    if (limited.kind === 'throttled') return sendErrorPage(response, signInRefusal('too_many_attempts', newId(), PATH));
    const context = contextOf(request, newId, { type: 'system', id: 'recovery' }, { organizationId });
    // Not waited for: an answer that takes as long as a mail would tell that the address is known (L25).
    const about = {
      organizationName: organization.organizationName,
      requestedFrom: request.ip,
      language: languageOfAnswer(response),
    };
    void this.#sendIfKnown(email, organizationId, about, context);
    sendPage(
      response,
      <MailSentPage explanation={SIGN_IN_TEXTS.recoverySent} signInHref={signInPath(undefined, { organizationId })} />,
    );
  }

  @Get('/:token')
  async choose(@Param('token') token: string, @Req() request: Request, @Res() response: Response): Promise<void> {
    const target = await this.dependencies.mailTokens.peek('recover_account', token);
    if (!target) return this.#refuse(response, 'recovery_not_allowed');
    if (!(await this.#allowed(target.organizationId, response))) return;
    const path = `${PATH}/${token}`;
    sendPage(response, <NewPasswordPage action={path} csrf={this.#csrf(path, request, response)} />);
  }

  @Post('/:token')
  async recover(
    @Param('token') token: string,
    @Body() form: Form,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const { csrf, cookies, newId, mailTokens, store } = this.dependencies;
    const path = `${PATH}/${token}`;
    const known = await mailTokens.peek('recover_account', token);
    if (!known) return this.#refuse(response, 'recovery_not_allowed');
    if (!csrf.verify(form.csrf, browserIdOf(request, cookies), path))
      return sendErrorPage(response, signInRefusal('form_expired', newId(), path));
    const { state } = await loadAccount(store, known.userId);
    const check = checkNewPassword(form.password, [
      state.username?.username,
      state.verifiedEmail?.address,
      state.displayName,
    ]);
    if (check.kind === 'refused') {
      const page = (
        <NewPasswordPage action={path} csrf={this.#csrf(path, request, response)} error={formText(check.code)} />
      );
      return sendPage(response, page, { status: 422 });
    }
    const target = await mailTokens.consume('recover_account', token);
    if (!target) return this.#refuse(response, 'recovery_not_allowed');
    const { userId, organizationId, emailId } = target;
    const context = contextOf(request, newId, { type: 'user', id: userId }, { organizationId });
    const { outcome } = await this.commands.execute(
      new RecoverAccount({ userId, organizationId }, emailId, form.password as string, context),
    );
    if (outcome.kind === 'refused') return this.#refuse(response, 'recovery_not_allowed', outcome.code);
    response.redirect(303, signInPath(undefined, { organizationId, choose: true }));
  }

  /** The organization that people recover accounts of here, or a page that says that they cannot. */
  async #allowed(organizationId: string, response: Response): Promise<OfferedWaysIn | undefined> {
    const organization = await loadOfferedProviders(this.dependencies.store, organizationId);
    brandAnswer(response, organization.branding);
    if (organization.loginPolicy.recovery && organization.loginPolicy.password) return organization;
    this.#refuse(response, 'recovery_not_allowed');
    return undefined;
  }

  async #sendIfKnown(
    { address, canonical }: { readonly address: string; readonly canonical: string },
    organizationId: string,
    about: MailAbout,
    context: CommandContext,
  ): Promise<void> {
    const { indexKeys, throttles, accountMail, logger } = this.dependencies;
    try {
      const key = verifiedEmailKey(indexKeys, organizationId, canonical);
      const limited = await throttles.hit('mail_per_account', organizationId, key);
      if (limited.kind === 'throttled') return;
      const ownership = await new Claims(this.dependencies).ownerOf(claimableEmail(verifiedEmailStream(key)), context);
      if (ownership.kind !== 'owned' || ownership.owner.status !== 'active' || !ownership.owner.verifiedEmail) return;
      const { owner, userId } = ownership;
      // To the address as it stands on the account: whoever writes it otherwise may have another mailbox.
      const to = ownership.owner.verifiedEmail.address ?? address;
      const { rules } = await loadWaysIn(this.dependencies.store, organizationId);
      if (!mayRecover(owner, rules)) return await accountMail.sendStrongerWayIn(to, organizationId, about);
      await accountMail.sendRecovery(
        to,
        { userId, organizationId, emailId: ownership.owner.verifiedEmail.emailId },
        about,
      );
    } catch (error) {
      logger.error(
        { error: (error as Error).message, correlationId: context.correlationId },
        'a recovery mail could not be prepared',
      );
    }
  }

  #sendRequestPage(
    organizationId: string,
    request: Request,
    response: Response,
    again?: { readonly typed: string | undefined; readonly code: string },
  ): void {
    sendPage(
      response,
      <MailRequestPage
        title={SIGN_IN_TEXTS.forgotPassword}
        explanation={SIGN_IN_TEXTS.recoveryExplanation}
        action={PATH}
        csrf={this.#csrf(PATH, request, response)}
        organizationId={organizationId}
        signInHref={signInPath(undefined, { organizationId })}
        email={again?.typed}
        error={formText(again?.code)}
      />,
      { status: again ? 422 : 200 },
    );
  }

  #csrf(path: string, request: Request, response: Response): string {
    return this.dependencies.csrf.issue(ensureBrowserId(request, response, this.dependencies.cookies), path);
  }

  #refuse(response: Response, code: string, detail?: string): void {
    const correlationId = this.dependencies.newId();
    this.dependencies.logger.info({ correlationId, refusal: code, detail }, 'a recovery was refused');
    sendErrorPage(response, signInRefusal(code, correlationId, '/sign-in?choose'));
  }
}
