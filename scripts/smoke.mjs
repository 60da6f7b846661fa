// Starts everything as `npm start` does, on free ports and a data directory of its own, waits for the line that says it is ready, asks for two pages, and stops it.
import './require-node.mjs';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const free = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(String(port)));
    });
  });
const PORTS = [
  'IDENTITY_PORT',
  'IDENTITY_MANAGEMENT_PORT',
  'PROJECTOR_MANAGEMENT_PORT',
  'EVENT_STORE_PORT',
  'EVENT_STORE_MANAGEMENT_PORT',
].concat(['DEMO_APP_PORT', 'DEMO_ACME_PORT', 'DEMO_GLOBEX_PORT', 'DEMO_MANAGEMENT_PORT', 'POSTGRES_PORT']);
const ports = {};
for (const name of PORTS) ports[name] = await free();

const dataDirectory = mkdtempSync(join(tmpdir(), 'ligature-smoke-'));
const child = spawn('npm', ['start'], {
  env: { ...process.env, ...ports, LIGATURE_DATA_DIR: dataDirectory },
  stdio: ['ignore', 'pipe', 'inherit'],
  detached: true,
});
const exited = new Promise((resolve) => child.on('exit', resolve));
const fail = (reason) => {
  console.error(`smoke: ${reason}`);
  process.exitCode = 1;
};
try {
  const issuer = await new Promise((resolve, reject) => {
    let output = '';
    child.stdout.on('data', (chunk) => {
      process.stdout.write(chunk);
      output += chunk;
      const ready = /Ligature is ready: (\S+)/.exec(output);
      if (ready) resolve(ready[1]);
    });
    child.on('exit', () => reject(new Error('npm start ended before it was ready')));
    setTimeout(() => reject(new Error('npm start was not ready within two minutes')), 120_000).unref();
  });
  for (const path of ['/.well-known/openid-configuration', '/sign-in']) {
    const { status } = await fetch(`${issuer}${path}`);
    if (status !== 200) fail(`${path} answered ${status}`);
  }
} catch (error) {
  fail(error.message);
} finally {
  if (child.exitCode === null) process.kill(-child.pid, 'SIGINT');
  await exited;
  rmSync(dataDirectory, { recursive: true, force: true });
}
if (!process.exitCode) console.log('smoke: started, answered, stopped');
