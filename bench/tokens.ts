import { Agent, request as httpRequest } from 'node:http';
import { median, percentile } from './scenario.js';
import type { Measurement, Scenario } from './scenario.js';
import { cpuTimeMs } from './support/cpu-time.js';
import { drive } from './support/drive.js';
import { BASIC } from './tokens/seed.js';
import type { TokenServer, TokenServers } from './tokens/servers.js';
import { startTokenServers } from './tokens/servers.js';

const RUNS = 5;
const RUN_MS = 3_000;
/** Servers run for weeks: by then their code is compiled. */
const WARM_UP_MS = 8_000;
const WORKERS = 16;
const GROWTH_SIZES: readonly number[] = [10_000, 100_000, 1_000_000];
const GROWTH_LOOKUPS = 2_000;

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Connections stay open during a run, one for each worker, as in front of a load balancer. */
const agent = new Agent({ keepAlive: true, maxSockets: WORKERS });

const ask = (
  url: string,
  path: string,
  headers: Record<string, string>,
  form?: Record<string, string>,
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const body = form && new URLSearchParams(form).toString();
    const request = httpRequest(
      `${url}${path}`,
      {
        agent,
        method: form ? 'POST' : 'GET',
        headers: {
          ...headers,
          ...(body === undefined
            ? {}
            : { 'content-type': 'application/x-www-form-urlencoded', 'content-length': Buffer.byteLength(body) }),
        },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
        response.on('error', reject);
      },
    );
    request.on('error', reject);
    request.end(body);
  });

/** A request that fails is no measurement. */
const must = async (answer: Promise<Answer>, part: string): Promise<Record<string, unknown>> => {
  const { status, body } = await answer;
  if (status !== 200 || !body.includes(part)) throw new Error(`Answered ${status}: ${body}`);
  return JSON.parse(body) as Record<string, unknown>;
};

type Step = (worker: number) => Promise<unknown>;

const STEPS = {
  'client-credentials': ({ url }: TokenServer): Step => {
    return () =>
      must(ask(url, '/token', { authorization: BASIC }, { grant_type: 'client_credentials' }), '"access_token"');
  },
  refresh: ({ url, seeds }: TokenServer): Step => {
    const tokens = seeds.map(({ refreshToken }) => refreshToken.id);
    return async (worker) => {
      const form = { grant_type: 'refresh_token', refresh_token: tokens[worker] ?? '' };
      const { refresh_token: next } = await must(ask(url, '/token', { authorization: BASIC }, form), '"id_token"');
      tokens[worker] = String(next);
    };
  },
  introspection: ({ url, seeds }: TokenServer): Step => {
    return (worker) =>
      must(
        ask(url, '/token/introspection', { authorization: BASIC }, { token: seeds[worker]?.accessToken.id ?? '' }),
        '"active":true',
      );
  },
  userinfo: ({ url, seeds }: TokenServer): Step => {
    return (worker) =>
      must(ask(url, '/me', { authorization: `Bearer ${seeds[worker]?.accessToken.id ?? ''}` }), '"email"');
  },
} as const;

/** How a lookup's time grows with the number of tokens: medians of introspections, one at a time. */
const growth = async (
  { ligature, database }: TokenServers,
  report: (line: string) => void,
): Promise<Record<string, number>> => {
  const figures: Record<string, number> = {};
  let rows = 0;
  for (const size of GROWTH_SIZES) {
    await database.query(
      `INSERT INTO provider.artifacts (model, id, payload, grant_id, session_uid, expires_at)
       SELECT 'AccessToken', md5(n::text) || md5((-n)::text), jsonb_build_object('jti', n, 'scope', 'openid', 'grantId', 'grant ' || n % 100000),
         'grant ' || n % 100000, 'session ' || n % 100000, now() + interval '5 minutes'
       FROM generate_series($1::int, $2::int) n`,
      [rows + 1, size],
    );
    rows = size;
    await database.query('ANALYZE provider.artifacts');
    const step = STEPS.introspection(ligature);
    const latenciesMs: number[] = [];
    for (let i = 0; i < GROWTH_LOOKUPS; i += 1) {
      const startedMs = performance.now();
      await step(i % WORKERS);
      latenciesMs.push(performance.now() - startedMs);
    }
    figures[`lookupMs${size}Tokens`] = median(latenciesMs);
    report(`${size} tokens: ${median(latenciesMs).toFixed(2)} ms per introspection`);
  }
  const [smallest = NaN, largest = NaN] = [GROWTH_SIZES[0], GROWTH_SIZES.at(-1)].map(
    (size) => figures[`lookupMs${size}Tokens`] ?? NaN,
  );
  return { ...figures, lookupGrowth10kTo1M: largest / smallest };
};

const measure =
  (name: keyof typeof STEPS) =>
  async (report: (line: string) => void): Promise<Measurement> => {
    const servers = await startTokenServers(WORKERS);
    try {
      const steps = (['ligature', 'bare', 'memory'] as const).map((server) => ({
        server,
        step: STEPS[name](servers[server]),
      }));
      // One client at one address asks for more than one may in a minute: what was counted is forgotten before each
      // run, and counted again.
      const driveFor = async (ms: number, step: Step) => {
        await servers.database.query('DELETE FROM provider.throttles');
        return drive(WORKERS, ms, step);
      };
      for (const { step } of steps) await driveFor(WARM_UP_MS, step);
      const rates: Record<string, number[]> = { ligature: [], bare: [], memory: [] };
      const costs: Record<string, number[]> = { ligature: [], bare: [], memory: [] };
      const p99s: number[] = [];
      for (let run = 1; run <= RUNS; run += 1) {
        for (const { server, step } of steps) {
          // While the others had their turn, the server may have been about to close what was idle.
          agent.destroy();
          const before = cpuTimeMs(servers[server].pids);
          const { perSecond, latenciesMs } = await driveFor(RUN_MS, step);
          rates[server]?.push(perSecond);
          costs[server]?.push((cpuTimeMs(servers[server].pids) - before) / latenciesMs.length);
          if (server === 'ligature') p99s.push(percentile(latenciesMs, 0.99));
        }
        report(
          `run ${run}/${RUNS}: ${Object.entries(rates)
            .map(([server, each]) => `${server} ${Math.round(each.at(-1) ?? NaN)}/s`)
            .join(', ')}`,
        );
      }
      const against = (server: string): number =>
        median((rates.ligature ?? []).map((rate, i) => rate / (rates[server]?.[i] ?? NaN)));
      return {
        runs: RUNS,
        ratios: {
          bare: against('bare'),
          // What else the machine is doing changes requests per second, and hardly the processor time of one.
          bareByProcessorTime: median(costs.bare ?? []) / median(costs.ligature ?? []),
          memory: against('memory'),
        },
        figures: {
          ...Object.fromEntries(Object.entries(rates).map(([server, each]) => [`${server}PerSecond`, median(each)])),
          ...Object.fromEntries(
            Object.entries(costs).map(([server, each]) => [`${server}CpuMsPerRequest`, median(each)]),
          ),
          ligatureP99Ms: median(p99s),
          ...(name === 'introspection' ? await growth(servers, report) : {}),
        },
      };
    } finally {
      await servers.stop();
    }
  };

const STATES =
  `${WORKERS} connections to Ligature’s identity server (HTTP, one process; PostgreSQL 18 with fsync; events in the embedded node, one process; client, PostgreSQL and all ` +
  'servers on this machine). Baselines in the same run: oidc-provider with the same features, scopes and lives of tokens and a minimal adapter on the ' +
  'same PostgreSQL server, clients and accounts in memory; and the same in memory. One client; a person for each connection; no password hashing.';

const scenario = (name: keyof typeof STEPS, goal: string, more = ''): Scenario => ({
  name,
  goal,
  states: `${STATES}${more}`,
  measure: measure(name),
});

export const tokenScenarios: readonly Scenario[] = [
  scenario('client-credentials', '≥ 0.8 × the bare one'),
  scenario(
    'refresh',
    '≥ 0.6 × the bare one',
    ' Each refresh of ours stores an event, and learns from the store whether the account was taken back, before it answers.',
  ),
  scenario(
    'introspection',
    '≥ 0.8 × the bare one',
    ' Then the growth of a lookup’s time with 10 k, 100 k and 1 M stored tokens.',
  ),
  scenario('userinfo', '≥ 0.6 × the bare one', ' Claims of ours come from the read model.'),
];
