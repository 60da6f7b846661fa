#!/usr/bin/env node
// `npx ligature …`: the command line, from a checkout. Variables that are not set come from the file that `npm start` keeps beside its data.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const main = join(root, 'dist', 'apps', 'cli', 'main.js');
const WRONG_USE = 2;

const isNewEnough = () => {
  const [major, minor] = process.versions.node.split('.').map(Number);
  return major > 24 || (major === 24 && minor >= 9);
};

const refuse = (sentence) => {
  console.error(sentence);
  process.exit(WRONG_USE);
};

if (!isNewEnough()) {
  // On Linux x64 npm brings a Node.js that is (see package.json, optionalDependencies); npx alone does not always run on it.
  const brought = join(root, 'node_modules', '.bin', 'node');
  if (process.env.LIGATURE_NODE_TRIED || !existsSync(brought))
    refuse(
      `Ligature needs Node.js 24.9 or newer; this is ${process.versions.node}. Run "npm ci" in ${root}, or install Node.js 24.`,
    );
  const { status, error } = spawnSync(brought, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { ...process.env, LIGATURE_NODE_TRIED: '1' },
  });
  if (error) refuse(`The Node.js in ${brought} cannot be run: ${error.message}`);
  process.exit(status ?? 1);
}

if (!existsSync(main))
  refuse(`Nothing is built yet. Run "npm run build" in ${root} (npm start builds, too), then try again.`);

const kept = join(resolve(root, process.env.LIGATURE_DATA_DIR || '.ligature'), 'ligature.env');
if (existsSync(kept)) {
  for (const line of readFileSync(kept, 'utf8').split('\n')) {
    const [, name, value] = /^([A-Z][A-Z0-9_]*)=(.*)$/.exec(line) ?? [];
    if (name) process.env[name] ??= value;
  }
}
await import(pathToFileURL(main).href);
