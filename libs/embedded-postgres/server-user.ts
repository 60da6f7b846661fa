import { readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';

/** The system user that the server runs as, when it is not the one that we run as. */
export interface ServerUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

const PREFERRED = ['postgres', 'nobody'];

/**
 * PostgreSQL refuses to run as root. So as root it gets the user `postgres`, else `nobody`.
 * @returns nothing when we are not root: the server then runs as we do
 */
export const chooseServerUser = (passwd = '/etc/passwd'): ServerUser | undefined => {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync(passwd, 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .map(([name = '', , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }));
  for (const name of PREFERRED) {
    const user = users.find((candidate) => candidate.name === name && candidate.uid > 0);
    if (user) return user;
  }
  throw new EmbeddedPostgresError(
    'no_unprivileged_user',
    `PostgreSQL refuses to run as root, and ${passwd} has neither a user "postgres" nor "nobody". Start Ligature as an ordinary user.`,
  );
};

/**
 * Whether the user may search `directory` and everything above it, going by the mode bits alone (never says yes wrongly
 * but for access lists).
 */
export const canReach = (user: ServerUser, directory: string): boolean => {
  const { mode, uid, gid } = statSync(directory);
  const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
  const parent = dirname(directory);
  return (mode & bit) !== 0 && (parent === directory || canReach(user, parent));
};
