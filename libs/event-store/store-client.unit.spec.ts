import { once } from 'node:events';
import { createServer } from 'node:http2';
import type { ServerHttp2Session, Settings } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { classify } from './store-errors.js';
import { openClient, retireClient } from './store-client.js';

describe('a retired client', () => {
  it('H2: has no stream, and can open none: an append that comes late is rejected as not sent', async () => {
    const client = openClient('esdb://127.0.0.1:1?tls=false', 500);
    expect((client as unknown as { disposableStreams: unknown }).disposableStreams).toBeInstanceOf(Set);
    expect((client as unknown as { callArguments: unknown }).callArguments).toBeInstanceOf(Function);
    expect((client as unknown as { getChannel: unknown }).getChannel).toBeInstanceOf(Function);
    expect(await retireClient(client)).toBe(true);
    const late = await client.appendToStream('test-1', { id: 'x' } as never).catch((error: unknown) => error);
    expect(classify(late)).toBe('away');
  });
});

describe('a client', () => {
  it('lets a megabyte come, so that what a subscription reads ahead does not keep a read waiting', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const session = once(server, 'session') as Promise<[ServerHttp2Session]>;
    const { port } = server.address() as AddressInfo;
    const client = openClient(`esdb://127.0.0.1:${port}?tls=false`, 500);
    const read = client.readAll({ maxCount: 1 });
    read.on('error', () => undefined);
    const [opened] = await session;
    const [settings] = (await once(opened, 'remoteSettings')) as [Settings];
    expect(settings.initialWindowSize).toBe(1024 * 1024);
    await retireClient(client);
    server.close();
  });
});
