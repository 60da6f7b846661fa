import { runProcess } from '#libs/platform/process.js';
import { startIdentity } from './identity.js';

await runProcess('identity', (logger) => startIdentity(process.env, logger));
