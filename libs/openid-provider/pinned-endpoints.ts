import type { IncomingMessage } from 'node:http';

/**
 * oidc-provider makes endpoint URLs from the request's Host, from a proxy's forwarded headers, and from the request
 * target where that is a whole URL (RFC 9112, section 3.2.2). All are the stranger's to choose (security.md, "OpenID
 * Provider"), so they are replaced by the issuer's own before it looks.
 */
export const pinToIssuer = (
  request: IncomingMessage & { originalUrl?: string; ip?: string },
  { host, protocol }: Pick<URL, 'host' | 'protocol'>,
): void => {
  request.headers.host = host;
  request.headers['x-forwarded-host'] = host;
  // Whoever serves the request knows which proxies are believed, and says so by `ip`; without it the peer is meant.
  request.headers['x-forwarded-for'] = request.ip ?? request.socket.remoteAddress ?? '';
  request.headers['x-forwarded-proto'] = protocol.slice(0, -1);
  request.url = pathOnly(request.url);
  if (request.originalUrl !== undefined) request.originalUrl = pathOnly(request.originalUrl);
};

/** Path and query of a request target. */
export const pathOnly = (target = '/'): string => {
  if (target.startsWith('/')) return target;
  if (!URL.canParse(target)) return '/';
  const { pathname, search } = new URL(target);
  return pathname + search;
};
