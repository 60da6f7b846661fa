import type { IncomingMessage } from 'node:http';

/**
 * oidc-provider makes endpoint URLs from the request's Host and from a proxy's forwarded headers. Both are the stranger's to choose
 * (security.md, "OpenID Provider"), so they are replaced by the issuer's own before it looks.
 */
export const pinToIssuer = (request: IncomingMessage, issuer: string): void => {
  const { host, protocol } = new URL(issuer);
  request.headers.host = host;
  request.headers['x-forwarded-host'] = host;
  request.headers['x-forwarded-proto'] = protocol.slice(0, -1);
};
