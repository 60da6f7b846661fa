import { Catch, HttpException } from '@nestjs/common';
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import type { Request, Response } from 'express';
import { PasswordsOverloadedError } from '#libs/users/passwords.js';
import { StoreAwayError, UnknownOutcomeError } from '#libs/event-store/store-errors.js';
import type { NewId } from '#libs/platform/ids.js';
import type { Logger } from '#libs/platform/logger.js';
import { isDatabaseUnreachable } from '#libs/platform/postgres/unreachable.js';
import { problem, PROBLEM_MEDIA_TYPE } from '#libs/platform/problem.js';
import { ReadModelBehindError } from '#libs/projection-engine/wait-for-position.js';
import { sendErrorPage } from '#libs/web/error-page.js';
import { Diverted, RefusedCall, RefusedPage, RefusedText, TooManyRequests, WrongMediaType } from '#libs/web/refused.js';
import { bodyOf } from '#libs/web/rendering.interceptor.js';
import { LANGUAGES } from '#libs/web/messages.js';
import type { Message } from '#libs/web/messages.js';
import { FAILURE_TEXTS as texts } from './texts.js';

interface Failure {
  readonly status: number;
  readonly code: string;
  readonly title: Message;
  readonly nextStep: Message;
}

const UNAVAILABLE = { status: 503, title: texts.notNow, nextStep: texts.tryAgain };

/**
 * What a person or a program is told of something that no controller expected. Details go to the log, under the
 * correlation id.
 */
const failureOf = (error: unknown): Failure => {
  if (
    error instanceof StoreAwayError ||
    error instanceof ReadModelBehindError ||
    error instanceof PasswordsOverloadedError
  )
    return { ...UNAVAILABLE, code: error.code };
  if (isDatabaseUnreachable(error)) return { ...UNAVAILABLE, code: 'database_unavailable' };
  if (error instanceof TooManyRequests)
    return { status: 429, code: 'too_many_requests', title: texts.tooMany, nextStep: texts.tryAgain };
  if (error instanceof RefusedText)
    return { status: 400, code: 'text_invalid', title: texts.cannotBeUsed, nextStep: texts.textInvalid };
  if (error instanceof WrongMediaType)
    return { status: 415, code: 'media_type_unsupported', title: texts.cannotBeUsed, nextStep: texts.formsOnly };
  if (error instanceof UnknownOutcomeError) return { ...UNAVAILABLE, code: error.code, nextStep: texts.mayBeDone };
  if (error instanceof HttpException && error.getStatus() === 404) {
    return { status: 404, code: 'not_found', title: texts.nothingHere, nextStep: texts.checkTheAddress };
  }
  if (error instanceof HttpException && error.getStatus() < 500) {
    return { status: error.getStatus(), code: 'request_invalid', title: texts.cannotBeUsed, nextStep: texts.goBack };
  }
  return {
    status: 500,
    code: 'internal_error',
    title: texts.wentWrong,
    nextStep: texts.tellYourAdministrator,
  };
};

/** Addresses in mails, and of what waits in a browser, open it (security.md, "Server"): 256 bits in base64url. */
const withoutSecrets = (path: string): string => path.replace(/[A-Za-z0-9_-]{43,}/g, '…');

@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(
    private readonly logger: Logger,
    private readonly newId: NewId,
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const [request, response] = [
      host.switchToHttp().getRequest<Request>(),
      host.switchToHttp().getResponse<Response>(),
    ];
    if (error instanceof Diverted) return void response.send(bodyOf(error.answer, response));
    if (error instanceof RefusedCall) return this.#refuseCall(error, request, response);
    if (error instanceof RefusedPage) return this.#refusePage(error, response);
    const failure = failureOf(error);
    const correlationId = this.newId();
    const { message, name, stack } = error as Error;
    const entry = { correlationId, errorCode: failure.code, path: withoutSecrets(request.path) };
    if (failure.status >= 500)
      this.logger.error(
        { ...entry, error: message, stack: failure.status === 500 ? stack : undefined },
        'a request failed',
      );
    // Why a request cannot be used is told with parts of it: the body that is no JSON, the address that leads nowhere.
    else this.logger.info({ ...entry, error: name }, 'a request was refused');
    if (response.headersSent) return void response.destroy();
    if (failure.status === 503) response.set('retry-after', '2');
    if (error instanceof TooManyRequests) response.set('retry-after', String(error.retryAfterS));
    if (request.path.startsWith('/api/')) {
      const { t } = LANGUAGES.en;
      const document = problem(failure.status, failure.code, t(failure.title), {
        detail: t(failure.nextStep),
        instance: correlationId,
        ...(error instanceof RefusedText ? { parameter: error.path } : {}),
      });
      response.status(failure.status).type(PROBLEM_MEDIA_TYPE).send(JSON.stringify(document));
      return;
    }
    sendErrorPage(response, { ...failure, correlationId });
  }

  #refuseCall(
    { status, code, title, extra: { headers = {}, ...extra } }: RefusedCall,
    request: Request,
    response: Response,
  ): void {
    const instance = this.newId();
    this.logger.info(
      { correlationId: instance, refusal: code, path: withoutSecrets(request.path) },
      'an API call was refused',
    );
    response.status(status).set(headers).type(PROBLEM_MEDIA_TYPE);
    response.send(JSON.stringify(problem(status, code, title, { instance, ...extra })));
  }

  #refusePage({ error, reason }: RefusedPage, response: Response): void {
    const correlationId = error.correlationId ?? this.newId();
    this.logger.info({ correlationId, refusal: error.code, detail: reason }, 'a request was refused');
    sendErrorPage(response, { ...error, correlationId });
  }
}
