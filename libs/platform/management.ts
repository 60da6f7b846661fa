import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { collectDefaultMetrics, Registry } from 'prom-client';

/** What `/health/*` answers: `ok` with details, or not, with the reason. */
export interface HealthReport {
  readonly ok: boolean;
  readonly details?: Readonly<Record<string, unknown>>;
}

export interface ManagementOptions {
  readonly port: number;
  /** Loopback unless told otherwise: metrics and health are for operators. */
  readonly host?: string;
  /** Whether the process has finished starting. */
  readonly started: () => boolean;
  /** Whether it can serve now; asked at every request, so it must be quick. */
  readonly ready: () => Promise<HealthReport>;
  readonly registry: Registry;
  /** Pages for operators, by path: HTML without scripts. */
  readonly pages?: Readonly<Record<string, () => Promise<string>>>;
}

export interface ManagementServer {
  readonly port: number;
  close(): Promise<void>;
}

/** A metrics registry with Node's own process metrics. */
export const createRegistry = (): Registry => {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
};

/**
 * The management port of a process: `/health/live`, `/health/ready`, `/health/started` (JSON) and `/metrics`
 * (Prometheus text).
 */
export const startManagementServer = async (options: ManagementOptions): Promise<ManagementServer> => {
  const report = async (path: string): Promise<HealthReport | undefined> => {
    if (path === '/health/live') return { ok: true };
    if (path === '/health/started') return { ok: options.started() };
    if (path !== '/health/ready') return undefined;
    return options.started()
      ? options.ready().catch((error: Error) => ({ ok: false, details: { error: error.message } }))
      : { ok: false };
  };
  const server = createServer((request, response) => {
    const path = request.url ?? '/';
    void (async () => {
      if (path === '/metrics') {
        response.setHeader('content-type', options.registry.contentType).end(await options.registry.metrics());
        return;
      }
      const page = options.pages?.[path];
      if (page) {
        response.setHeader(
          'content-security-policy',
          "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        );
        response.setHeader('content-type', 'text/html; charset=utf-8').end(await page());
        return;
      }
      const health = await report(path);
      response.statusCode = health === undefined ? 404 : health.ok ? 200 : 503;
      response.setHeader('content-type', 'application/json').end(JSON.stringify(health ?? { ok: false }));
    })().catch(() => response.destroy());
  });
  server.listen(options.port, options.host ?? '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
};
