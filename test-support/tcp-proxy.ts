import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

const LOSE_MS = 40;

export interface TcpProxy {
  readonly port: number;
  /** Loses answers for a moment, while requests still arrive, then breaks every connection; new ones are taken. */
  cut(): Promise<void>;
  /** Nothing is passed on, either way, and nothing is closed; new connections are taken and get no answer. */
  hang(): void;
  /** Everything is passed on this much later. */
  slow(ms: number): void;
  /** Passes on at once again, what was held back included. */
  heal(): void;
  close(): Promise<void>;
}

/** A proxy on a loopback port that misbehaves when told to. */
export const startTcpProxy = async (target: { host: string; port: number }): Promise<TcpProxy> => {
  const sockets = new Set<Socket>();
  let hanging = false;
  let delayMs = 0;
  let losing = false;
  const relay = (from: Socket, to: Socket, isAnswer: boolean): void => {
    from.on('data', (chunk) => {
      if (losing && isAnswer) return;
      if (delayMs === 0) return void to.write(chunk);
      // Timers of one delay run in the order in which they were set, so the bytes keep theirs.
      setTimeout(() => to.writable && to.write(chunk), delayMs);
    });
    const end = (): void => {
      sockets.delete(from);
      from.destroy();
      to.destroy();
    };
    from.on('error', end);
    from.on('close', end);
  };
  const server = createServer((client) => {
    const upstream = connect(target);
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true);
      sockets.add(socket);
      if (hanging) socket.pause();
    }
    relay(client, upstream, false);
    relay(upstream, client, true);
    if (hanging) for (const socket of [client, upstream]) socket.pause();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    cut: async () => {
      const cut = [...sockets];
      losing = true;
      await new Promise((resolve) => setTimeout(resolve, LOSE_MS));
      losing = false;
      cut.forEach((socket) => socket.destroy());
    },
    hang: () => {
      hanging = true;
      sockets.forEach((socket) => socket.pause());
    },
    slow: (ms) => {
      delayMs = ms;
    },
    heal: () => {
      hanging = false;
      delayMs = 0;
      sockets.forEach((socket) => socket.resume());
    },
    close: async () => {
      sockets.forEach((socket) => socket.destroy());
      server.close();
      await once(server, 'close');
    },
  };
};
