// Starts everything as `npm start` does, on free ports and a data directory of its own, asks for two pages, and stops
// it.
import './require-node.mjs';
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';

const built = spawnSync(process.execPath, ['scripts/build.mjs'], {
  cwd: new URL('..', import.meta.url),
  stdio: 'inherit',
});
if (built.status !== 0) process.exit(1);
const { NpmStart } = await import('../dist/test-support/npm-start.js');

const system = await NpmStart.prepare();
try {
  const took = await system.start();
  for (const path of ['/.well-known/openid-configuration', '/sign-in']) {
    const { status } = await fetch(`http://localhost:${system.port('IDENTITY_PORT')}${path}`);
    if (status !== 200) throw new Error(`${path} answered ${status}`);
  }
  console.log(`smoke: ready after ${took} ms, answered`);
} catch (error) {
  console.error(`smoke: ${error.message}`);
  process.exitCode = 1;
} finally {
  await system.stop();
  rmSync(system.dataDirectory, { recursive: true, force: true });
}
