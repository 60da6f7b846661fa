// `npm run test:fuzz`: builds, then throws mutated answers of identity providers at what reads them (bench/fuzz/main.ts
// says with which options).
import './require-node.mjs';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const run = (...args) => spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' }).status ?? 1;
process.exit(run('scripts/build.mjs') || run('dist/bench/fuzz/main.js', ...process.argv.slice(2)));
