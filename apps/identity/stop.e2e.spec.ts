import { once } from 'node:events';
import { Agent, request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { startTestIdentityServer } from '#test-support/identity-server.js';
import { until } from '#test-support/until.js';

describe('an identity server that is told to stop', () => {
  it('answers the requests that it has begun, takes no more, and waits for no idle connection', async () => {
    const server = await startTestIdentityServer();
    const { hostname, port } = new URL(server.issuer);
    const agent = new Agent({ keepAlive: true });
    const idle = request({ agent, hostname, port, path: '/.well-known/openid-configuration' }).end();
    const [first] = (await once(idle, 'response')) as [IncomingMessage];
    first.resume();
    await once(first, 'end');

    const body = 'grant_type=client_credentials&client_id=nobody&client_secret=x';
    const begun = request({
      hostname,
      port,
      path: '/token',
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', 'content-length': body.length },
    });
    const answered = once(begun, 'response') as Promise<[IncomingMessage]>;
    answered.catch(() => undefined);
    begun.write(body.slice(0, 10));
    await fetch(`${server.issuer}/.well-known/openid-configuration`);
    const stopped = server.stop();
    await until(
      () =>
        new Promise<true | undefined>((resolve) => {
          const socket = connect({ host: hostname, port: Number(port) });
          socket.once('error', () => resolve(true));
          socket.once('connect', () => {
            socket.destroy();
            resolve(undefined);
          });
        }),
    );
    begun.end(body.slice(10));
    try {
      const [answer] = await answered;
      answer.resume();
      expect(answer.statusCode).toBe(401);
    } finally {
      await stopped;
      agent.destroy();
    }
  }, 60_000);
});
