import { errors } from 'oidc-provider';
import { StoreAwayError } from '#libs/event-store/store-errors.js';
import { isDatabaseUnreachable } from '#libs/platform/postgres/unreachable.js';
import { ReadModelBehindError } from '#libs/projection-engine/wait-for-position.js';

/**
 * Looks something up for oidc-provider. What cannot be asked now is told as such (`temporarily_unavailable`, RFC 6749,
 * section 4.1.2.1), with status 503 where there is no redirect, and never as an unknown client or user.
 */
export const lookUp = async <T>(work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (cause) {
    const away =
      cause instanceof StoreAwayError || cause instanceof ReadModelBehindError || isDatabaseUnreachable(cause);
    // 400 is the class's own status, at which its code is told; a 503 of oidc-provider's making would be told as
    // "server_error".
    if (away)
      throw Object.assign(new errors.TemporarilyUnavailable('try again in a moment'), {
        status: 503,
        statusCode: 503,
        cause,
      });
    throw cause;
  }
};
