import { Body, Controller, Get, Inject, Post } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { loadSufficientProofs } from '#libs/linking/queries/sufficient-proofs.js';
import type { BrowserSession } from '#libs/sign-in/browser-sessions.js';
import { RECENT_MS } from '#libs/sign-in/recent.js';
import { REVIEW_PATH } from '#libs/sign-in/sign-in-dependencies.js';
import { isAmong } from '#libs/users/assurance.js';
import type { ProvenCredential } from '#libs/users/assurance.js';
import { ReviewSignInMethods } from '#libs/users/commands/account.command.js';
import { page, redirect } from '#libs/web/answer.js';
import type { PageAnswer, RedirectAnswer } from '#libs/web/answer.js';
import type { Browser } from '#libs/web/browser.js';
import type { Message } from '#libs/web/messages.js';
import { ACCOUNT_DEPENDENCIES } from './account-dependencies.js';
import type { AccountDependencies } from './account-dependencies.js';
import type { Form } from './account-forms.js';
import { AccountSession } from './account-session.guard.js';
import { Visit } from './account-visit.js';
import type { AccountVisit } from './account-visit.js';
import { deviceOf } from './device.js';
import { loadMethodsOnHold } from './methods-on-hold.js';
import type { MethodOnHold } from './methods-on-hold.js';
import { providerNames } from './provider-names.js';
import { refusedChange } from './refusals.js';
import { answerField, ReviewPage } from './review-page.js';
import type { ReviewAnswer } from './review-page.js';
import { ACCOUNT_TEXTS as texts } from './texts.js';

const answerIn = (form: Form | undefined, claimId: string): ReviewAnswer | undefined => {
  const answer = form?.[answerField(claimId)];
  return answer === 'keep' || answer === 'remove' ? answer : undefined;
};

/**
 * After a recovery: nothing that was added to the account since its address was last proven is a sign-in method until
 * its owner has looked at it (L32). Every sign-in leads here, and so does the account page, until that is done; what
 * helps to decide (history, sessions) stays open.
 */
@Controller(REVIEW_PATH)
@AccountSession()
export class ReviewController {
  constructor(
    @Inject(ACCOUNT_DEPENDENCIES) private readonly dependencies: AccountDependencies,
    @Inject(CommandBus) private readonly commands: CommandBus,
  ) {}

  @Get()
  async show(@Visit() visit: AccountVisit): Promise<PageAnswer | RedirectAnswer> {
    const methods = await loadMethodsOnHold(this.dependencies.store, visit.session.userId);
    return methods.length === 0 ? redirect('/account') : this.#show(methods, visit, visit.takeTyped());
  }

  @Post()
  async review(@Body() form: Form, @Visit() visit: AccountVisit): Promise<PageAnswer | RedirectAnswer> {
    const { session, browser } = visit;
    const { store, continuations } = this.dependencies;
    const { userId, organizationId } = session;
    const methods = await loadMethodsOnHold(store, userId);
    const answered = (answer: ReviewAnswer): readonly string[] =>
      methods.filter(({ claimId }) => answerIn(form, claimId) === answer).map(({ claimId }) => claimId);
    const answers = { kept: answered('keep'), removed: answered('remove') };
    // To keep one is to add a sign-in method; to remove one makes nothing less safe.
    if (answers.kept.length > 0 && !(await this.#hasSignedInJustNow(session)))
      await visit.requireRecentAuthentication();
    const target = { userId, organizationId, inSession: session };
    const { outcome } = await this.commands.execute(new ReviewSignInMethods(target, answers, visit.meta));
    if (outcome.kind === 'refused') {
      if (outcome.code === 'review_incomplete') return this.#show(methods, visit, form, texts.answerForEach);
      throw refusedChange(outcome.code);
    }
    const next = continuations.leave(browser.request, browser.response);
    return redirect(next === '/account' || next === REVIEW_PATH ? '/account?notice=methods_reviewed' : next);
  }

  /**
   * The session is as young as a confirmation may be old, and was opened by a method that would do as one: a user who
   * was led here by a sign-in is not asked the same twice.
   */
  async #hasSignedInJustNow({ userId, organizationId, claimId, authTime }: BrowserSession): Promise<boolean> {
    const { store, clock } = this.dependencies;
    const openedBy: ProvenCredential =
      claimId === undefined ? { kind: 'password' } : { kind: 'external_identity', claimId };
    return (
      authTime !== undefined &&
      clock().getTime() - authTime.getTime() < RECENT_MS &&
      isAmong(await loadSufficientProofs(store, organizationId, userId), openedBy)
    );
  }

  async #show(
    methods: readonly MethodOnHold[],
    visit: AccountVisit,
    answered?: Form,
    error?: Message,
  ): Promise<PageAnswer> {
    const { providers } = await visit.organization();
    const linked = methods.map(({ providerId }) => providerId);
    const nameOf = await providerNames(this.dependencies.store, providers, linked);
    const shown = methods.map(({ providerId, userAgent, ...method }) => ({
      ...method,
      ...deviceOf(userAgent),
      providerName: nameOf(providerId),
      answer: answerIn(answered, method.claimId),
    }));
    return page(<ReviewPage methods={shown} action={REVIEW_PATH} csrf={visit.csrf} error={error} />, {
      status: error ? 422 : 200,
      formTargets: await this.#originsBehind(visit.browser),
    });
  }

  /** The app that waits for the sign-in behind this page, which the form then leads back to. */
  async #originsBehind({ request }: Browser): Promise<readonly string[]> {
    const { continuations, interactions } = this.dependencies;
    const uid = continuations.interactionUid(request);
    const origin = uid === undefined ? undefined : (await interactions.interactionByUid(uid))?.redirectOrigin;
    return origin === undefined ? [] : [origin];
  }
}
