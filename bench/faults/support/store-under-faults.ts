import { exec } from 'node:child_process';
import { promisify } from 'node:util';
import { createTestDatabase } from '#test-support/database.js';
import type { TestDatabase } from '#test-support/database.js';
import { startEventStoreProcess } from '#test-support/event-store-process.js';
import type { EventStoreProcess } from '#test-support/event-store-process.js';
import { startTcpProxy } from '#test-support/tcp-proxy.js';
import type { TcpProxy } from '#test-support/tcp-proxy.js';

export type Fault = 'cut' | 'hang' | 'slow' | 'kill' | 'restart' | 'stale follower';

export interface StoreUnderFaults {
  readonly url: string;
  readonly database: TestDatabase;
  /** What can be done to this store. */
  readonly faults: readonly Fault[];
  /** What cannot, and why. */
  readonly leftOut: readonly string[];
  /** Not there, or silent, until {@link StoreUnderFaults.mend}. @param pick in [0, 1): how slow */
  break(fault: Fault, pick: number): Promise<void>;
  mend(fault: Fault): Promise<void>;
  stop(): Promise<void>;
}

const shell = promisify(exec);
const STALE = 'stale follower (needs a switch of the embedded node that serves stale reads)';

/**
 * The user's store (`EVENTSTORE_URL` with `EVENTSTORE_STOP` and `EVENTSTORE_START`, shell commands that kill and start
 * it), or an embedded node in a process of its own; behind a proxy where the URL allows one.
 */
export const startStoreUnderFaults = async (): Promise<StoreUnderFaults> => {
  const { EVENTSTORE_URL: url, EVENTSTORE_STOP: stop, EVENTSTORE_START: start } = process.env;
  if (url === undefined) return embedded();
  if (!stop || !start)
    throw new Error(
      'EVENTSTORE_URL needs EVENTSTORE_STOP and EVENTSTORE_START: shell commands that kill the store and start it',
    );
  return ofTheUser(url, stop, start);
};

const embedded = async (): Promise<StoreUnderFaults> => {
  const database = await createTestDatabase();
  const databaseUrl = database.urls.ligature_event_store;
  let node: EventStoreProcess = await startEventStoreProcess({ databaseUrl, switched: true });
  const { port } = node;
  const proxy = await startTcpProxy({ host: '127.0.0.1', port });
  return {
    url: `esdb://127.0.0.1:${proxy.port}?tls=false`,
    database,
    faults: ['cut', 'hang', 'slow', 'kill', 'restart', 'stale follower'],
    leftOut: [],
    break: async (fault, pick) => {
      if (fault === 'stale follower') return node.tell({ stale: true });
      if (fault !== 'kill' && fault !== 'restart') return breakWire(proxy, fault, pick);
      node.kill(fault === 'kill' ? 'SIGKILL' : 'SIGTERM');
      await node.ended;
    },
    mend: async (fault) => {
      if (fault === 'kill' || fault === 'restart')
        node = await startEventStoreProcess({ databaseUrl, port, switched: true });
      else if (fault === 'stale follower') node.tell({ stale: false });
      else proxy.heal();
    },
    stop: async () => {
      await proxy.close();
      node.kill('SIGTERM');
      await node.ended;
      await database.drop();
    },
  };
};

const ofTheUser = async (url: string, stop: string, start: string): Promise<StoreUnderFaults> => {
  const database = await createTestDatabase();
  const single = /^esdb:\/\/([^:/?,@]+):(\d+)(\/?\?.*tls=false.*)$/i.exec(url);
  const proxy = single ? await startTcpProxy({ host: String(single[1]), port: Number(single[2]) }) : undefined;
  return {
    url: single && proxy ? `esdb://127.0.0.1:${proxy.port}${single[3]}` : url,
    database,
    faults: proxy ? ['cut', 'hang', 'slow', 'kill'] : ['kill'],
    leftOut: [
      STALE,
      'restart (EVENTSTORE_STOP kills; a gentle stop is the same command here)',
      ...(proxy ? [] : ['cut, hang, slow (a proxy needs one host, without TLS and users)']),
    ],
    break: async (fault, pick) => {
      if (fault === 'kill') await shell(stop);
      else if (proxy) await breakWire(proxy, fault, pick);
    },
    mend: async (fault) => {
      if (fault === 'kill') await shell(start);
      else proxy?.heal();
    },
    stop: async () => {
      await proxy?.close();
      await database.drop();
    },
  };
};

const breakWire = async (proxy: TcpProxy, fault: Fault, pick: number): Promise<void> => {
  if (fault === 'cut') await proxy.cut();
  else if (fault === 'hang') proxy.hang();
  else proxy.slow(20 + Math.floor(pick * 400));
};
