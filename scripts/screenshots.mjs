// `npm run screenshots`: builds, then writes a picture of every page to docs/screenshots/, in both widths and both
// themes. Arguments: names of pages.
import './require-node.mjs';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const built = spawnSync(process.execPath, ['scripts/build.mjs'], { cwd: root, stdio: 'inherit' });
if (built.status !== 0) process.exit(1);
process.chdir(root);
const { default: startPostgres } = await import('../test-support/jest/global-setup.mjs');
const { default: stopPostgres } = await import('../test-support/jest/global-teardown.mjs');
await startPostgres();
try {
  const { takeScreenshots } = await import('../dist/test-support/pages/screenshots.js');
  console.log(`${await takeScreenshots(process.argv.slice(2))} pictures in docs/screenshots/`);
} finally {
  await stopPostgres();
}
process.exit();
