import { fileURLToPath } from 'node:url';
import { processes } from './processes.js';
import { supervise } from './supervise.js';

// A reader of our output that went away (`npm start | head`) must not end us in the middle of a stop.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

process.exitCode = await supervise({
  root: fileURLToPath(new URL('../../../', import.meta.url)),
  environment: process.env,
  processes,
  print: (line) => void process.stdout.write(`${line}\n`),
});
