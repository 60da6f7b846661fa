// `npm run bench`: builds, then runs the measures. No argument: all of them, as a table. `npm run bench -- append
// --json`: one, as JSON.
import './require-node.mjs';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const run = (args, stdio) => spawnSync(process.execPath, args, { cwd: root, stdio }).status ?? 1;
// What the compiler has to say goes to standard error: standard output may be JSON.
process.exit(
  run(['scripts/build.mjs'], ['inherit', 2, 2]) || run(['dist/bench/main.js', ...process.argv.slice(2)], 'inherit'),
);
