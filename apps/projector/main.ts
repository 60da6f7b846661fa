import { runProcess } from '#libs/platform/process.js';
import { startProjector } from './projector.js';

await runProcess('projector', (logger) => startProjector(process.env, logger));
