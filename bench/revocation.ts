import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { decodeJwt } from 'jose';
import { median, percentile } from './scenario.js';
import type { Measurement, Scenario } from './scenario.js';
import { BASIC } from './tokens/seed.js';
import type { Seed } from './tokens/seed.js';
import { startTokenServers } from './tokens/servers.js';

const RUNS = 50;
const POLL_MS = 5;
const PATIENCE_MS = 30_000;

/** How long until something is so. @throws when it never is */
const takes = async (sinceMs: number, isSo: () => boolean | Promise<boolean>): Promise<number> => {
  while (!(await isSo())) {
    if (performance.now() - sinceMs > PATIENCE_MS) throw new Error('It never happened');
    await delay(POLL_MS);
  }
  return performance.now() - sinceMs;
};

const measure = async (report: (line: string) => void): Promise<Measurement> => {
  const heard = new Map<string, number>();
  const app = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      heard.set(String(decodeJwt(new URLSearchParams(body).get('logout_token') ?? '').sid), performance.now());
      response.end();
    });
  }).listen(0, '127.0.0.1');
  await once(app, 'listening');
  const servers = await startTokenServers(RUNS, `http://127.0.0.1:${(app.address() as AddressInfo).port}/logout`);
  const { ligature, database } = servers;
  const isRefused = async ({ refreshToken }: Seed): Promise<boolean> => {
    const body = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken.id });
    const { status } = await fetch(`${ligature.url}/token`, {
      method: 'POST',
      headers: { authorization: BASIC },
      body,
    });
    return status === 400;
  };
  const ended = async ({ sessionUid, grant }: Seed): Promise<boolean> => {
    const { rows } = await database.query<{ over: boolean }>(
      `SELECT (SELECT state = 'ended' FROM provider.sessions WHERE uid = $1)
          AND COALESCE((SELECT revoked_at IS NOT NULL FROM provider.grants WHERE id = $2), true) AS over`,
      [sessionUid, grant.id],
    );
    return rows[0]?.over === true;
  };
  try {
    const [endedMs, toldMs]: [number[], number[]] = [[], []];
    for (const [i, seed] of ligature.seeds.entries()) {
      await servers.deactivate(seed.userId);
      const since = performance.now();
      const [forEnd, forApp] = await Promise.all([
        takes(since, () => ended(seed)),
        takes(since, () => heard.has(seed.sessionUid)),
      ]);
      endedMs.push(forEnd);
      toldMs.push(forApp);
      if (!(await isRefused(seed))) throw new Error('A refresh token outlived its grant');
      if (i % 10 === 9)
        report(
          `${i + 1}/${RUNS}: session ended after ${Math.round(forEnd)} ms, app told after ${Math.round(forApp)} ms`,
        );
    }
    return {
      runs: RUNS,
      ratios: {},
      figures: {
        sessionEndedP50Ms: median(endedMs),
        sessionEndedMaxMs: Math.max(...endedMs),
        appToldP50Ms: median(toldMs),
        appToldP99Ms: percentile(toldMs, 0.99),
        appToldMaxMs: Math.max(...toldMs),
      },
    };
  } finally {
    app.closeAllConnections();
    app.close();
    await servers.stop();
  }
};

/** How long an app believes in somebody who was deactivated. */
export const revocation: Scenario = {
  name: 'revocation',
  goal: 'sessions, grants and refresh tokens end, and apps are told, within a second',
  states:
    `${RUNS} people with a session and a grant with a refresh token are deactivated one after another; only the event is stored by the bench, so the projector's process ` +
    'manager ends what they had, and the identity server tells the app by Back-Channel Logout (PostgreSQL 18 with fsync; events in the embedded node; all on this machine).',
  measure,
};
