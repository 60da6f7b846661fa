import type { Problem } from '#libs/platform/problem.js';
import type { PageError } from './error-page.js';
import type { PageAnswer, RedirectAnswer } from './answer.js';

/** Ends an API call with a problem document (RFC 9457). */
export class RefusedCall extends Error {
  /**
   * @param code stable, snake_case
   * @param extra what else the document says, and headers that go with it
   */
  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
    readonly extra: Pick<Problem, 'detail' | 'parameter' | 'mistakes'> & {
      readonly headers?: Readonly<Record<string, string>>;
    } = {},
  ) {
    super(code);
  }
}

/** A request with text that nobody can keep (security row T1). @see textAtTheDoor */
export class RefusedText extends Error {
  /** @param path of the field, such as `a.b`; empty for the address */
  constructor(readonly path: string) {
    super('text_invalid');
  }
}

/** One network asks too often (RFC 6585, section 4). */
export class TooManyRequests extends Error {
  constructor(readonly retryAfterS: number) {
    super('too_many_requests');
  }
}

/** A page that was sent something else than a form. */
export class WrongMediaType extends Error {
  constructor() {
    super('media_type_unsupported');
  }
}

/** Ends a request with an error page. */
export class RefusedPage extends Error {
  /** @param reason for the log only */
  constructor(
    readonly error: Omit<PageError, 'correlationId'> & { readonly correlationId?: string },
    readonly reason?: string,
  ) {
    super(error.code);
  }
}

/** Ends a request with another answer than its handler's: a guard that leads to the sign-in page. */
export class Diverted extends Error {
  constructor(readonly answer: PageAnswer | RedirectAnswer) {
    super('diverted');
  }
}
