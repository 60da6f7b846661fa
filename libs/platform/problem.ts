/**
 * An RFC 9457 problem document with Ligature's stable `code`. `detail` says what to do next; it never holds personal
 * data.
 */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail?: string;
  /** The parameter that cannot be used, where it is one. */
  readonly parameter?: string;
  /** Everything that is wrong with what was sent, where there is more than one thing to say. */
  readonly mistakes?: readonly { readonly path: string; readonly message: string }[];
  /** The correlation id under which the log has the rest. */
  readonly instance?: string;
}

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

/** @param code stable, snake_case; also the fragment of `type` */
export const problem = (
  status: number,
  code: string,
  title: string,
  extra: Pick<Problem, 'detail' | 'parameter' | 'mistakes' | 'instance'> = {},
): Problem => ({
  type: `urn:ligature:problem:${code}`,
  title,
  status,
  code,
  ...extra,
});
