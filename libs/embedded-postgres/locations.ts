import { randomUUID } from 'node:crypto';
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import { canReach, chooseServerUser } from './server-user.js';
import type { ServerUser } from './server-user.js';

/**
 * Where root keeps what the server's user must reach and a private directory would hide from it. It survives restarts
 * and reboots, and only root can write there.
 */
export const SHARED_DIRECTORY = '/var/lib/ligature';

/** Where the parts of a server live, and who runs it. */
export interface Locations {
  /** The user that the server runs as; our own when undefined. */
  readonly user: ServerUser | undefined;
  /** The cluster (`PGDATA`). */
  readonly data: string;
  /** The superuser's password, mode 600. */
  readonly passwordFile: string;
  /** What the server wrote on its standard error since its last start. */
  readonly logFile: string;
}

/** As root, a server that exists goes on as the user that owns it. */
const userOf = (server: string): ServerUser | undefined => {
  const chosen = chooseServerUser();
  const existing = statSync(server, { throwIfNoEntry: false });
  if (!existing) return chosen;
  if (chosen) return existing.uid === 0 ? chosen : { name: String(existing.uid), uid: existing.uid, gid: existing.gid };
  if (process.getuid && existing.uid !== process.getuid())
    throw new EmbeddedPostgresError(
      'start_failed',
      `The database in ${server} was made by another user (uid ${existing.uid}). Start Ligature as that user, or choose another LIGATURE_DATA_DIR.`,
    );
  return undefined;
};

const ensureDirectory = (path: string, mode: number): string => {
  mkdirSync(path, { recursive: true, mode });
  return path;
};

/**
 * Finds or makes the server's folder: `server/` in the directory asked for. When that is out of reach for the server's
 * user (root's checkout under a mode-700 directory), a folder under {@link SHARED_DIRECTORY} instead; its name is a
 * random id kept in the directory asked for (file `elsewhere`), so that a new checkout at the same path never meets an
 * older one's data.
 */
export const prepareLocations = (directory: string): Locations => {
  const asked = ensureDirectory(resolve(directory), 0o711);
  const marker = join(asked, 'elsewhere');
  const home = existsSync(marker) ? readFileSync(marker, 'utf8').trim() : asked;
  let server = join(home, 'server');
  const user = userOf(server);
  if (user && home === asked) {
    // The directory is ours; what is secret in it has modes of its own.
    chmodSync(asked, statSync(asked).mode | 0o011);
    if (!canReach(user, asked)) {
      if (existsSync(server))
        throw new EmbeddedPostgresError(
          'start_failed',
          `The database in ${server} can no longer be reached by the user ${user.name} that it runs as: a directory above it became private. Make it searchable again (chmod o+x), or choose another LIGATURE_DATA_DIR.`,
        );
      const elsewhere = join(SHARED_DIRECTORY, randomUUID());
      writeFileSync(marker, `${elsewhere}\n`);
      writeFileSync(join(ensureDirectory(elsewhere, 0o755), 'belongs-to'), `${asked}\n`);
      server = join(elsewhere, 'server');
    }
  }
  ensureDirectory(server, 0o700);
  if (user) chownSync(server, user.uid, user.gid);
  return {
    user,
    data: join(server, 'data'),
    passwordFile: join(server, 'password'),
    logFile: join(server, 'server.log'),
  };
};
