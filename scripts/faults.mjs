// `npm run test:faults -- <suite>`: builds, then runs a suite of `bench/faults/` against real processes that are
// killed. No argument: all of them.
import './require-node.mjs';
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const run = (...args) => spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' }).status ?? 1;
const suites = readdirSync(new URL('../bench/faults', import.meta.url))
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.slice(0, -3));
// Suites come first; options (`--rounds 20 --seed 7`) are handed to them.
const firstOption = process.argv.findIndex((argument, i) => i >= 2 && argument.startsWith('--'));
const options = firstOption < 0 ? [] : process.argv.slice(firstOption);
const asked = process.argv.slice(2, firstOption < 0 ? undefined : firstOption);
const unknown = asked.filter((name) => !suites.includes(name));
if (unknown.length > 0) {
  console.error(`There is no suite ${unknown.join(', ')}. There are: ${suites.join(', ')}.`);
  process.exit(2);
}
if (run('scripts/build.mjs') !== 0) process.exit(1);
const failed = (asked.length > 0 ? asked : suites).filter(
  (name) => run(`dist/bench/faults/${name}.js`, ...options) !== 0,
);
if (failed.length > 0) console.error(`Failed: ${failed.join(', ')}`);
process.exit(failed.length > 0 ? 1 : 0);
