import { readConfiguration } from '#libs/platform/configuration.js';
import type { Logger } from '#libs/platform/logger.js';
import { createRegistry, startManagementServer } from '#libs/platform/management.js';
import type { Running } from '#libs/platform/process.js';
import { startRelyingApp } from './relying-app/relying-app.js';
import { demoSettings } from './settings.js';
import { ACME, CORP, GLOBEX } from './upstream/people.js';
import type { Directory } from './upstream/people.js';
import { startSamlProvider } from './upstream/saml-provider.js';
import { startUpstreamProvider } from './upstream/upstream-provider.js';

/**
 * Three identity providers and a relying app, so that `npm start` shows the whole thing. All on 127.0.0.1, while
 * Ligature is on localhost: what a browser does between them is then cross-site, as in production.
 */
export const startDemo = async (environment: NodeJS.ProcessEnv, logger: Logger): Promise<Running> => {
  const settings = readConfiguration(demoSettings, environment);
  const { LIGATURE_ISSUER: ligature } = settings;
  const startProvider = (directory: Directory, port: number, secret: string) =>
    startUpstreamProvider({
      directory,
      port,
      client: { id: 'ligature', secret, redirectUri: `${ligature}/providers/${directory.id}/callback` },
      logger,
    });
  const servers = [
    await startProvider(ACME, settings.DEMO_ACME_PORT, settings.DEMO_ACME_CLIENT_SECRET),
    await startSamlProvider({
      directory: CORP,
      port: settings.DEMO_CORP_PORT,
      serviceProvider: `${ligature}/providers/${CORP.id}/metadata`,
      logger,
    }),
    await startProvider(GLOBEX, settings.DEMO_GLOBEX_PORT, settings.DEMO_GLOBEX_CLIENT_SECRET),
    await startRelyingApp({
      port: settings.DEMO_APP_PORT,
      issuer: ligature,
      clientSecret: settings.DEMO_APP_CLIENT_SECRET,
      logger,
    }),
    await startManagementServer({
      port: settings.DEMO_MANAGEMENT_PORT,
      started: () => true,
      ready: async () => ({ ok: true }),
      registry: createRegistry(),
    }),
  ];
  return { stop: async () => void (await Promise.all(servers.map((server) => server.close()))) };
};
