import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';

/**
 * An address in front of several servers of this machine: requests go to them in turn, as a load balancer sends them.
 */
export const startRoundRobin = async (port: number, targets: readonly number[]): Promise<{ close(): void }> => {
  let turn = 0;
  const server = createServer((request, response) => {
    const target = targets[turn++ % targets.length];
    const forwarded = httpRequest(
      { host: '127.0.0.1', port: target, method: request.method, path: request.url, headers: request.headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
        answer.pipe(response);
      },
    );
    forwarded.on('error', () => response.destroy());
    request.pipe(forwarded);
  }).listen(port);
  await once(server, 'listening');
  return {
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
};
