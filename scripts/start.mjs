// `npm start`: builds what is stale, then runs the whole tree until Ctrl-C.
import './require-node.mjs';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const SOURCES = [
  'apps',
  'libs',
  'projections',
  'test-support',
  'bench',
  'tsconfig.base.json',
  'tsconfig.build.json',
  'package-lock.json',
];

/** Folders count too: their time changes when a file in them goes away. */
const changedSince = (path, time) => {
  const entry = statSync(path, { throwIfNoEntry: false });
  if (!entry) return false;
  if (entry.mtimeMs > time) return true;
  return entry.isDirectory() && readdirSync(path).some((name) => changedSince(join(path, name), time));
};

const stamp = join(root, 'dist', '.built');
if (!existsSync(stamp) || SOURCES.some((source) => changedSince(join(root, source), statSync(stamp).mtimeMs))) {
  console.log('Building …');
  const { status } = spawnSync(process.execPath, [join(root, 'scripts', 'build.mjs')], { cwd: root, stdio: 'inherit' });
  if (status !== 0) {
    console.error('The build failed; nothing was started.');
    process.exit(1);
  }
}
await import('../dist/apps/supervisor/main.js');
