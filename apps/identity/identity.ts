import 'reflect-metadata';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { NestFactory } from '@nestjs/core';
import type { Request, Response } from 'express';
import { Counter } from 'prom-client';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { storeMetrics } from '#libs/event-store/store-metrics.js';
import type { AddressLimits } from '#libs/throttling/address-limits.js';
import { TooManyRequests } from '#libs/web/refused.js';
import { GRANT_TYPES } from '#libs/relying-parties/settings.js';
import { formsOnly, textAtTheDoor } from '#libs/web/text-at-the-door.js';
import { newUuid } from '#libs/platform/ids.js';
import type { Logger } from '#libs/platform/logger.js';
import { createRegistry, startManagementServer } from '#libs/platform/management.js';
import type { Running } from '#libs/platform/process.js';
import { answerBeforeNest } from './before-nest.js';
import { readIdentityConfiguration } from './configuration.js';
import { connectDependencies } from './dependencies.js';
import { IdentityModule } from './identity.module.js';
import { ProblemFilter } from './problem.filter.js';

const CLEAN_UP_MS = 60_000;
/** Apps learn within a second that somebody was signed out. */
const BACKGROUND_MS = 400;
/** With what follows, less than the patience of whoever stops us. */
const REQUESTS_MS = 3_000;
/** Far less than the time for which a signing key is published before it signs. */
const KEYS_MS = 15_000;

/** Assertions have everything about a person in them, and are encoded twice. */
const SAML_LIMIT = '400kb';
const isSamlMessage = ({ url = '', headers }: IncomingMessage): boolean =>
  /^\/providers\/[^/]+\/(?:acs|slo)$/.test(url) &&
  headers['content-type']?.startsWith('application/x-www-form-urlencoded') === true;

/**
 * What is no form has no fields: it is refused like one that lacks them. The API tells an empty body from one that is
 * missing.
 */
const formsAreThere = (request: Request, _response: Response, next: () => void): void => {
  if (!request.path.startsWith('/api/')) request.body ??= {};
  next();
};

/** A label that a stranger writes would make as many series as they like. */
const KNOWN_GRANTS: ReadonlySet<string> = new Set(GRANT_TYPES);

/** One network can keep nobody else from being served (security row D1). Before a body is read. */
const withinLimits =
  (limits: AddressLimits) =>
  async (request: Request, _response: Response, next: (error?: unknown) => void): Promise<void> => {
    const answer = await limits.hit(request.path);
    next(answer.kind === 'allowed' ? undefined : new TooManyRequests(answer.retryAfterS));
  };

export interface RunningIdentity extends Running {
  readonly port: number;
}

/** Runs the identity server. @param environment see docs/operating.md for the variables */
export const startIdentity = async (environment: NodeJS.ProcessEnv, logger: Logger): Promise<RunningIdentity> => {
  const config = readIdentityConfiguration(environment);
  const registry = createRegistry();
  const tokenAnswers = new Counter({
    name: 'ligature_token_answers_total',
    help: 'Answers of the token endpoint',
    labelNames: ['grant_type', 'outcome'],
    registers: [registry],
  });
  const dependencies = await connectDependencies(config, logger, storeMetrics(registry), (grantType, outcome) =>
    tokenAnswers.inc({ grant_type: KNOWN_GRANTS.has(grantType) ? grantType : 'other', outcome }),
  );
  const app = await NestFactory.create<NestExpressApplication>(IdentityModule.of(dependencies), {
    logger: ['error', 'warn'],
    bodyParser: false,
    forceCloseConnections: true,
  });
  app.disable('x-powered-by');
  app.set('trust proxy', config.LIGATURE_TRUSTED_PROXIES ?? false);
  app.set('query parser', 'simple');
  app.use(withinLimits(dependencies.addressLimits));
  app.use(formsOnly);
  app.useBodyParser('urlencoded', { extended: false, limit: SAML_LIMIT, type: isSamlMessage });
  app.useBodyParser('urlencoded', { extended: false, limit: '64kb' });
  app.useBodyParser('json', { limit: '64kb' });
  app.use(formsAreThere);
  app.use(textAtTheDoor);
  app.useGlobalFilters(new ProblemFilter(logger, newUuid));
  answerBeforeNest(app, dependencies.openIdProvider);
  await app.listen(config.IDENTITY_PORT, config.IDENTITY_HOST);

  const cleaning = setInterval(() => {
    dependencies
      .removeExpired()
      .catch((error: Error) => logger.warn({ error: error.message }, 'expired rows could not be removed'));
  }, CLEAN_UP_MS);
  const background = [
    repeatedly(BACKGROUND_MS, () => dependencies.openIdProvider.work(), logger),
    repeatedly(KEYS_MS, () => dependencies.openIdProvider.turnKeys(), logger),
  ];
  const management = await startManagementServer({
    port: config.IDENTITY_MANAGEMENT_PORT,
    registry,
    started: () => true,
    ready: async () => {
      await dependencies.pool.query('SELECT 1');
      const { state } = dependencies.core.connection;
      return { ok: state === 'ready', details: { eventStore: state, database: 'ready' } };
    },
  });
  return {
    port: (app.getHttpServer() as { address(): AddressInfo }).address().port,
    stop: async () => {
      clearInterval(cleaning);
      await Promise.all([finishRequests(app.getHttpServer() as Server), ...background.map((each) => each.stop())]);
      await dependencies.openIdProvider.settled();
      await app.close();
      await management.close();
      await dependencies.close();
    },
  };
};

/**
 * Takes no more connections, and lets the requests that were begun come to their answer, within bounds: what a code or
 * a password was given for is not lost.
 */
const finishRequests = async (server: Server): Promise<void> => {
  const closed = new Promise((resolve) => server.close(resolve));
  // Those that their clients keep open become idle one after the other.
  const closing = setInterval(() => server.closeIdleConnections(), 50);
  await Promise.race([closed, delay(REQUESTS_MS, undefined, { ref: false })]);
  clearInterval(closing);
};

/** Does `work` again and again, never twice at a time; a failure is logged, and tried again. */
const repeatedly = (everyMs: number, work: () => Promise<void>, logger: Logger): { stop(): Promise<void> } => {
  const stopping = new AbortController();
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await work().catch((error: Error) =>
        logger.warn({ error: error.message }, 'the OpenID Provider’s background work failed; trying again'),
      );
      await delay(everyMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  };
  const running = run();
  return {
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
};
