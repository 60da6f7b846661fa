import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from '@jest/globals';
import { ExpressAdapter } from '@nestjs/platform-express';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { Application } from 'express';
import { remainingMs } from '#libs/platform/deadline.js';
import { answerBeforeNest } from './before-nest.js';

let server: Server;
afterEach(() => {
  server.close();
});

/** Both say who answered, for whom, and whether there is a deadline. */
const start = async (
  trustProxy: string | false,
): Promise<(target: string, forwardedFor?: string) => Promise<string>> => {
  const adapter = new ExpressAdapter();
  adapter.initHttpServer({});
  server = adapter.getHttpServer() as Server;
  const nest = adapter.getInstance<Application>();
  nest.set('trust proxy', trustProxy);
  const hasDeadline = (): boolean => remainingMs() > 0 && remainingMs() < Infinity;
  nest.use((request, response) => void response.end(`nest ${request.ip} ${hasDeadline()}`));
  const app = { getHttpServer: () => server, getHttpAdapter: () => adapter };
  answerBeforeNest(app as unknown as NestExpressApplication, {
    handler: (request: IncomingMessage & { ip?: string }, response: ServerResponse) =>
      response.end(`op ${request.ip} ${hasDeadline()}`),
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return (path, forwardedFor) =>
    new Promise((resolve, reject) => {
      const headers = {
        connection: 'close',
        ...(forwardedFor === undefined ? {} : { 'x-forwarded-for': forwardedFor }),
      };
      httpRequest({ port, host: '127.0.0.1', path, headers }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () => resolve(text));
      })
        .on('error', reject)
        .end();
    });
};

it('the OpenID Provider has its own paths, Nest all others, and both a deadline', async () => {
  const ask = await start(false);
  for (const path of [
    '/token',
    '/token?a=b',
    '/token/introspection',
    '/me',
    '/.well-known/openid-configuration',
    'http://evil.example/auth',
  ])
    expect(`${path} ${await ask(path)}`).toBe(`${path} op 127.0.0.1 true`);
  for (const path of [
    '/',
    '/tokens',
    '/account?next=/token',
    '/Token',
    '//token',
    '/providers/me',
    'http://evil.example/',
  ])
    expect(`${path} ${await ask(path)}`).toBe(`${path} nest 127.0.0.1 true`);
});

it.each([
  [false, '203.0.113.9', '127.0.0.1'],
  ['10.0.0.0/8', '203.0.113.9', '127.0.0.1'],
  ['loopback', '203.0.113.9', '203.0.113.9'],
  ['loopback', '198.51.100.1, 203.0.113.9', '203.0.113.9'],
  ['loopback, 203.0.113.9', '198.51.100.1, 203.0.113.9', '198.51.100.1'],
  ['loopback', 'not an address', 'not an address'],
] as const)('behind proxies %s, %s comes from %s, for both of them', async (trustProxy, forwardedFor, address) => {
  const ask = await start(trustProxy);
  expect([await ask('/token', forwardedFor), await ask('/', forwardedFor)]).toEqual([
    `op ${address} true`,
    `nest ${address} true`,
  ]);
});
