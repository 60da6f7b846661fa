import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

export interface EventStoreProcess {
  readonly pid: number;
  readonly url: string;
  readonly port: number;
  readonly managementPort: number;
  /** Exit code, or the signal that ended it; settles when it has ended. */
  readonly ended: Promise<number | NodeJS.Signals>;
  /** What it has written: its log from level `error` up, and standard error. */
  output(): string;
  kill(signal: NodeJS.Signals): void;
  /** Tells a switched node what to be. */
  tell(message: { readonly stale: boolean }): void;
}

export interface EventStoreProcessOptions {
  readonly databaseUrl: string;
  /** A free one unless told. */
  readonly port?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** As bad as a real EventStoreDB, and worse when told so (test-support/switched-event-store-main.ts). */
  readonly switched?: boolean;
}

const built = (file: string): string =>
  fileURLToPath(new URL(`../${file}`, import.meta.url)).replace(
    /(?<!\/dist)\/(apps\/event-store|test-support)\/[a-z-]+\.js$/,
    '/dist$&',
  );
const MAIN = built('apps/event-store/main.js');
const SWITCHED_MAIN = built('test-support/switched-event-store-main.js');

/** A port that was free a moment ago. */
export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
};

/** Starts the built node (`dist/`) as a process of its own; returns at once, whether or not it comes up. */
export const spawnEventStore = async ({
  databaseUrl,
  port,
  env = {},
  switched = false,
}: EventStoreProcessOptions): Promise<EventStoreProcess> => {
  const listen = port ?? (await freePort());
  const managementPort = await freePort();
  const child = spawn(process.execPath, [switched ? SWITCHED_MAIN : MAIN], {
    env: {
      PATH: process.env.PATH,
      LIGATURE_LOG_LEVEL: 'error',
      DATABASE_URL: databaseUrl,
      EVENT_STORE_PORT: String(listen),
      EVENT_STORE_MANAGEMENT_PORT: String(managementPort),
      ...env,
    },
    stdio: switched ? ['ignore', 'pipe', 'pipe', 'ipc'] : ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const collect = (chunk: Buffer): void => {
    output += chunk.toString('utf8');
  };
  child.stdout?.on('data', collect);
  child.stderr?.on('data', collect);
  return {
    pid: child.pid as number,
    url: `esdb://127.0.0.1:${listen}?tls=${env.EVENT_STORE_TLS_CERT !== undefined}`,
    port: listen,
    managementPort,
    ended: once(child, 'close').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals),
    output: () => output,
    kill: (signal) => void child.kill(signal),
    tell: (message) => void child.send(message),
  };
};

/** Waits until the process says that it is ready; rejects when it ends instead. */
export const untilReady = async (node: EventStoreProcess): Promise<void> => {
  let ended: string | undefined;
  void node.ended.then((how) => {
    ended = `The event store ended (${how}) before it was ready: ${node.output()}`;
  });
  for (;;) {
    if (ended !== undefined) throw new Error(ended);
    const ready = await fetch(`http://127.0.0.1:${node.managementPort}/health/ready`).then(
      (response) => response.ok,
      () => false,
    );
    if (ready) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};

/** Starts the built node as a process of its own and waits until it is ready. */
export const startEventStoreProcess = async (options: EventStoreProcessOptions): Promise<EventStoreProcess> => {
  const node = await spawnEventStore(options);
  await untilReady(node);
  return node;
};
