import { runProcess } from '#libs/platform/process.js';
import { startDemo } from './demo.js';

await runProcess('demo', (logger) => startDemo(process.env, logger));
