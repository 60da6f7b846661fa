import { createHash, randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { NpmStart } from '#test-support/npm-start.js';
import { median, percentile } from './scenario.js';
import type { Measurement, Scenario } from './scenario.js';

const RUNS = 5;
const REQUESTS = 100;
const WARM_UP = 50;
/** Light load: one request at a time, with a pause between them. */
const PAUSE_MS = 10;

interface Shown {
  readonly ms: number;
  readonly bytes: number;
}

/** One page, from the first byte of the request to the last of the answer. */
const show = async (url: string, cookie = ''): Promise<Shown> => {
  const begun = performance.now();
  const response = await fetch(url, { headers: { accept: 'text/html', ...(cookie ? { cookie } : {}) } });
  const { byteLength } = await response.arrayBuffer();
  if (response.status !== 200) throw new Error(`${url} answered ${response.status}`);
  return { ms: performance.now() - begun, bytes: byteLength };
};

/** The sign-in page that an app's authorization request leads to; only the page itself is timed. */
const showForApp = async (issuer: string, app: string): Promise<Shown> => {
  const parameters = {
    client_id: 'demo-app',
    response_type: 'code',
    scope: 'openid',
    redirect_uri: `${app}/callback`,
    state: 'state',
    code_challenge: createHash('sha256').update(randomBytes(32)).digest('base64url'),
    code_challenge_method: 'S256',
  };
  const asked = await fetch(`${issuer}/auth?${new URLSearchParams(parameters)}`, { redirect: 'manual' });
  const cookie = asked.headers
    .getSetCookie()
    .map((header) => header.split(';')[0])
    .join('; ');
  return show(new URL(asked.headers.get('location') ?? '', issuer).href, cookie);
};

const series = async (count: number, one: () => Promise<Shown>): Promise<readonly Shown[]> => {
  const shown: Shown[] = [];
  for (let i = 0; i < count; i += 1) {
    shown.push(await one());
    await delay(PAUSE_MS);
  }
  return shown;
};

const measureAll = async (system: NpmStart, report: (line: string) => void): Promise<Measurement> => {
  const [issuer, app] = [
    `http://localhost:${system.port('IDENTITY_PORT')}`,
    `http://127.0.0.1:${system.port('DEMO_APP_PORT')}`,
  ];
  const [plain, forApp] = [() => show(`${issuer}/sign-in`), () => showForApp(issuer, app)];
  await series(WARM_UP, plain);
  await series(WARM_UP, forApp);
  const runs: { readonly plain: readonly number[]; readonly forApp: readonly number[] }[] = [];
  for (let run = 1; run <= RUNS; run += 1) {
    const times = async (one: () => Promise<Shown>): Promise<readonly number[]> =>
      (await series(REQUESTS, one)).map(({ ms }) => ms);
    const measured = { plain: await times(plain), forApp: await times(forApp) };
    runs.push(measured);
    report(
      `run ${run}: median ${median(measured.plain).toFixed(1)} ms, for an app ${median(measured.forApp).toFixed(1)} ms`,
    );
  }
  const html = (await forApp()).bytes;
  const css = (await show(`${issuer}/assets/style.css`)).bytes;
  const overRuns = (figure: (times: readonly number[]) => number, which: 'plain' | 'forApp'): number =>
    median(runs.map((run) => figure(run[which])));
  return {
    ratios: {},
    figures: {
      'account sign-in page, median ms': overRuns(median, 'plain'),
      'account sign-in page, p99 ms': overRuns((times) => percentile(times, 0.99), 'plain'),
      'app’s sign-in page, median ms': overRuns(median, 'forApp'),
      'app’s sign-in page, p99 ms': overRuns((times) => percentile(times, 0.99), 'forApp'),
      'HTML bytes': html,
      'CSS bytes': css,
      'HTML + CSS kB': (html + css) / 1_000,
    },
    runs: RUNS,
  };
};

/** The sign-in page on the whole tree of `npm start`. */
export const pages: Scenario = {
  name: 'pages',
  states:
    `The sign-in page of the demo configuration (password and every provider), ${REQUESTS} requests per run, one at a time with ${PAUSE_MS} ms between them, ` +
    'on the process tree of npm start (identity server, projector, embedded event store and PostgreSQL); times include the client and loopback.',
  goal: '≤ 20 ms at the median, HTML + CSS ≤ 30 kB',
  measure: async (report) => {
    const system = await NpmStart.prepare();
    try {
      await system.start();
      return await measureAll(system, report);
    } finally {
      await system.stop();
      rmSync(system.dataDirectory, { recursive: true, force: true });
    }
  },
};
