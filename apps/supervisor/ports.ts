import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** A port that something of ours will listen on, and the environment variable that chooses it. */
export interface PortSetting {
  readonly variable: string;
  readonly port: number;
}

/** Ports that cannot be used; the message names each and how to choose another. */
export class PortsTakenError extends Error {}

const answersOn = async (host: string, port: number): Promise<boolean> => {
  const socket = connect({ host, port });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(1_000) });
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
};

const canListen = async (port: number): Promise<boolean> => {
  const probe = createServer();
  try {
    probe.listen(port, '127.0.0.1');
    await once(probe, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    probe.close();
  }
};

/**
 * Asked both ways: some systems let one listen on 127.0.0.1 beside another program on all addresses, and `localhost`
 * may mean ::1.
 */
const isTaken = async ({ port }: PortSetting): Promise<boolean> =>
  (await answersOn('127.0.0.1', port)) || (await answersOn('::1', port)) || !(await canListen(port));

const sentenceFor = ({ variable, port }: PortSetting): string =>
  `Port ${port} is taken by another program. Stop it, or choose another port: ${variable}=<port> npm start`;

/**
 * Checks that every port is free and used once.
 * @param patienceMs how long to wait for them: the children of a killed supervisor need a moment to notice and end
 * @throws PortsTakenError
 */
export const checkPorts = async (settings: readonly PortSetting[], patienceMs: number): Promise<void> => {
  for (const [index, { variable, port }] of settings.entries()) {
    const twin = settings.slice(0, index).find((other) => other.port === port);
    if (twin)
      throw new PortsTakenError(`${twin.variable} and ${variable} are both ${port}; each needs a port of its own.`);
  }
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const taken: PortSetting[] = [];
    for (const setting of settings) if (await isTaken(setting)) taken.push(setting);
    if (taken.length === 0) return;
    if (Date.now() >= deadline) throw new PortsTakenError(taken.map(sentenceFor).join('\n'));
    await delay(100);
  }
};
