/**
 * | code                    | meaning                                                                       |
 * |-------------------------|-------------------------------------------------------------------------------|
 * | `unsupported_platform`  | there is no package of PostgreSQL binaries for this system, or it is missing  |
 * | `binaries_incomplete`   | the package is there but its libraries are not linked and cannot be           |
 * | `no_unprivileged_user`  | started as root on a system without a user `postgres` or `nobody`             |
 * | `port_taken`            | another program listens on the port                                           |
 * | `start_failed`          | the server did not come up; the message ends with the last lines of its log   |
 */
export type EmbeddedPostgresErrorCode =
  'unsupported_platform' | 'binaries_incomplete' | 'no_unprivileged_user' | 'port_taken' | 'start_failed';

/** Why the embedded PostgreSQL could not be started. The message is a sentence for the person at the terminal. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError';

  constructor(
    readonly code: EmbeddedPostgresErrorCode,
    message: string,
  ) {
    super(message);
  }
}
