// Some registries lack optional binaries of other platforms; `npm install` then writes their names without an entry,
// and `npm ci` refuses the lockfile ("Missing: … from lock file"). This removes every optional name that has no entry.
// Run after each `npm install`.
import { readFileSync, writeFileSync } from 'node:fs';

const file = new URL('../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(file, 'utf8'));
const resolvable = (from, name) => {
  for (let scope = from; ; scope = scope.slice(0, Math.max(0, scope.lastIndexOf('node_modules/') - 1))) {
    if (lock.packages[`${scope ? `${scope}/` : ''}node_modules/${name}`]) return true;
    if (!scope) return false;
  }
};
let pruned = 0;
for (const [path, entry] of Object.entries(lock.packages)) {
  for (const name of Object.keys(entry.optionalDependencies ?? {})) {
    if (path === '' || resolvable(path, name)) continue;
    delete entry.optionalDependencies[name];
    pruned += 1;
  }
}
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`package-lock.json: ${pruned} optional names without an entry removed`);
