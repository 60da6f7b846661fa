import { createLogger } from '#libs/platform/logger.js';
import { createRegistry, startManagementServer } from '#libs/platform/management.js';
import { startRelyingApp } from './relying-app/relying-app.js';
import { readSettings } from './settings.js';
import { ACME, GLOBEX } from './upstream/people.js';
import type { Directory } from './upstream/people.js';
import { startUpstreamProvider } from './upstream/upstream-provider.js';

// The demo: two identity providers and a relying app, so that `npm start` shows the whole thing. All on 127.0.0.1, while Ligature is on localhost:
// what a browser does between them is then cross-site, as in production.
const logger = createLogger('demo');
const settings = readSettings(process.env);

const startProvider = (directory: Directory, port: number, secret: string) =>
  startUpstreamProvider({
    directory,
    port,
    client: { id: 'ligature', secret, redirectUri: `${settings.LIGATURE_ISSUER}/providers/${directory.id}/callback` },
    logger,
  });

const acme = await startProvider(ACME, settings.DEMO_ACME_PORT, settings.DEMO_ACME_CLIENT_SECRET);
const globex = await startProvider(GLOBEX, settings.DEMO_GLOBEX_PORT, settings.DEMO_GLOBEX_CLIENT_SECRET);
const app = await startRelyingApp({
  port: settings.DEMO_APP_PORT,
  issuer: settings.LIGATURE_ISSUER,
  clientSecret: settings.DEMO_APP_CLIENT_SECRET,
  logger,
});
const management = await startManagementServer({
  port: settings.DEMO_MANAGEMENT_PORT,
  started: () => true,
  ready: async () => ({ ok: true }),
  registry: createRegistry(),
});
logger.info({ acme: acme.issuer, globex: globex.issuer, app: app.url }, 'demo ready');

const stop = async (): Promise<void> => {
  await Promise.all([acme.close(), globex.close(), app.close(), management.close()]);
};
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop().then(() => process.exit(0)));
