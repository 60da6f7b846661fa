import type { RequestListener, Server } from 'node:http';
import type { NestExpressApplication } from '@nestjs/platform-express';
import addressOf from 'proxy-addr';
import { OpenIdProvider } from '#libs/openid-provider/open-id-provider.js';
import { addressKey } from '#libs/throttling/address-key.js';
import { withRequestAddress } from '#libs/platform/request-address.js';
import { withDeadline } from '#libs/platform/deadline.js';

/** A request is answered within this time whatever the event store does; each request towards the store has less. */
const REQUEST_DEADLINE_MS = 10_000;

/**
 * The OpenID Provider answers its own paths at the issuer's root, and reads its request bodies itself. It stands in
 * front of Express, which would only pass these requests on, and make each of them slower to work with. Which proxies
 * are believed, Express knows ("trust proxy").
 */
export const answerBeforeNest = (
  app: Pick<NestExpressApplication, 'getHttpServer' | 'getHttpAdapter'>,
  openIdProvider: Pick<OpenIdProvider, 'handler'>,
): void => {
  const server = app.getHttpServer() as Server;
  const express = app.getHttpAdapter().getInstance() as RequestListener & { get(setting: string): unknown };
  const isTrusted = express.get('trust proxy fn') as (address: string, hop: number) => boolean;
  const answer: RequestListener = (request, response) => {
    const ip = addressOf(request, isTrusted);
    withRequestAddress(addressKey(ip), () => {
      if (!OpenIdProvider.answers(request)) return express(request, response);
      openIdProvider.handler(Object.assign(request, { ip }), response);
    });
  };
  server.removeAllListeners('request');
  server.on('request', (request, response) => withDeadline(REQUEST_DEADLINE_MS, () => answer(request, response)));
};
