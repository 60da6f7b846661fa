import { appendFileSync } from 'node:fs';
import { createLogger } from '#libs/platform/logger.js';
import { createRegistry, startManagementServer } from '#libs/platform/management.js';
import { exitWithParent } from '#libs/platform/exit-with-parent.js';

// A process for tests of the supervisor. It is ready when its health has been asked for three times, and notes what
// happens in a journal.
const { NAME = '', MANAGEMENT_PORT, JOURNAL = '', STUBBORN } = process.env;
const note = (event: string): void => appendFileSync(JOURNAL, `${NAME} ${event} ${process.pid}\n`);
let asked = 0;
note('started');
exitWithParent();
const management = await startManagementServer({
  port: Number(MANAGEMENT_PORT),
  started: () => true,
  ready: async () => {
    asked += 1;
    if (asked === 3) note('ready');
    return { ok: asked >= 3 };
  },
  registry: createRegistry(),
});
process.on('SIGTERM', () => {
  note('stopping');
  if (STUBBORN === NAME) return;
  void management.close().then(() => process.exit(0));
});
createLogger(NAME).info(
  { secretsSeen: Object.keys(process.env).filter((name) => name.includes('SECRET')).length },
  'at your service',
);
