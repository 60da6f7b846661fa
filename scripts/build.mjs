// Compiles everything into dist/ (incremental: seconds when little changed), and notes when, for start.mjs.
import './require-node.mjs';
import { spawnSync } from 'node:child_process';
import { utimesSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const begun = new Date();
const { status } = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: 'inherit',
});
if (status === 0) {
  const stamp = new URL('../dist/.built', import.meta.url);
  writeFileSync(stamp, '');
  utimesSync(stamp, begun, begun);
}
process.exit(status ?? 1);
