import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { renderToString } from 'preact-render-to-string';
import type { VNode } from 'preact';
import { STYLE } from './style.js';

const FORM_LIMIT_BYTES = 10_000;

/** Reads a posted form. @throws Error when it is larger than any of ours */
export const readForm = async (request: IncomingMessage): Promise<URLSearchParams> => {
  let body = '';
  for await (const chunk of request) {
    body += String(chunk);
    if (body.length > FORM_LIMIT_BYTES) throw new Error('The form is too large.');
  }
  return new URLSearchParams(body);
};

/**
 * No script runs in a page and nobody may frame it. The policy does not name form targets: `form-action` also governs
 * the redirects that follow a POST, and from here these lead to whoever asked for the sign-in.
 */
export const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'",
} as const;

export const renderPage = (page: VNode): string => `<!doctype html>${renderToString(page)}`;

export const sendPage = (response: ServerResponse, status: number, page: VNode): void => {
  response.writeHead(status, PAGE_HEADERS).end(renderPage(page));
};

export const sendStyle = (response: ServerResponse): void => {
  response.writeHead(200, { 'content-type': 'text/css; charset=utf-8', 'cache-control': 'max-age=300' }).end(STYLE);
};

export const redirect = (response: ServerResponse, location: string): void => {
  response.writeHead(303, { location, 'cache-control': 'no-store' }).end();
};

export interface ListeningServer {
  /** E.g. `http://127.0.0.1:3100`, without a slash at the end. */
  readonly url: string;
  handle(listener: RequestListener): void;
  close(): Promise<void>;
}

/**
 * Listens on loopback. Requests wait for no one: the handler is set before the first can come, but after the port is
 * known, because an issuer's name holds its port.
 */
export const listen = async (port: number): Promise<ListeningServer> => {
  const server = createServer();
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    handle: (listener) => void server.on('request', listener),
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
};
