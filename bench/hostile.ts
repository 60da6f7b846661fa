import { HostileServer } from '#test-support/hostile/hostile-server.js';
import { median } from './scenario.js';
import type { Scenario } from './scenario.js';
import { startScratchPostgres } from './support/scratch-postgres.js';

const RUNS = 3;
const REQUESTS = 15;
const WARM_UP = 40;

/** What one request without authentication can cost the identity server. */
export const hostile: Scenario = {
  name: 'hostile',
  states:
    'The worst of several attacks on each route that needs no authentication: processor time of the identity server’s ' +
    `process per request (a projector runs in it too), ${REQUESTS} requests a run, one after the other. Routes that ` +
    'hash a password are printed, and bounded in number instead.',
  goal: '≤ 25 ms each',
  measure: async (report) => {
    const postgres = await startScratchPostgres();
    process.env.LIGATURE_TEST_POSTGRES_URL = postgres.adminUrl;
    const server = await HostileServer.start();
    try {
      const worst = new Map<string, number>();
      for (const request of server.requests()) {
        await server.costOf(request, WARM_UP);
        const costs: number[] = [];
        for (let run = 0; run < RUNS; run += 1) costs.push(await server.costOf(request, REQUESTS));
        const cost = median(costs);
        report(`${request.route}, ${request.what}: ${cost.toFixed(1)} ms`);
        const name = `${request.route}, ms${request.hashes ? ' (hashes)' : ''}`;
        worst.set(name, Math.max(cost, worst.get(name) ?? 0));
      }
      const sorted = [...worst].sort(([, a], [, b]) => b - a);
      return { ratios: {}, figures: Object.fromEntries(sorted), runs: RUNS };
    } finally {
      await server.stop();
      await postgres.discard();
    }
  },
};
