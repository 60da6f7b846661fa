import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { LEAD_MS } from '#libs/openid-provider/signing-key-schedule.js';
import { createTestDatabase } from '#test-support/database.js';
import type { TestDatabase } from '#test-support/database.js';
import { startTestIdentityServer } from '#test-support/identity-server.js';
import type { TestIdentityServer } from '#test-support/identity-server.js';
import { until } from '#test-support/until.js';

const execute = promisify(execFile);

/** In a process of its own, with nothing but the database: whoever rotates keys sees none. */
const rotate = async (databaseUrl: string) => {
  const env = { PATH: process.env.PATH, DATABASE_URL: databaseUrl };
  try {
    const { stdout, stderr } = await execute(
      process.execPath,
      ['dist/apps/cli/main.js', 'keys', 'rotate', '--signing'],
      { env },
    );
    return { code: 0, out: stdout, err: stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, out: stdout, err: stderr };
  }
};

describe('ligature keys rotate --signing', () => {
  let server: TestIdentityServer;
  let empty: TestDatabase;

  beforeAll(async () => {
    server = await startTestIdentityServer();
    empty = await createTestDatabase();
  }, 60_000);
  afterAll(async () => {
    await server.stop();
    await empty.drop();
  });

  const published = async (): Promise<readonly { readonly kid: string; readonly alg: string }[]> => {
    const { keys } = (await (await fetch(`${server.issuer}/jwks`)).json()) as { keys: { kid: string; alg: string }[] };
    return keys.map(({ kid, alg }) => ({ kid, alg })).toSorted((a, b) => a.kid.localeCompare(b.kid));
  };
  const database = () => server.installation.eventStore.database.urls.ligature_cli;

  it('the running identity server publishes new keys beside the old ones, and the command says from when they sign', async () => {
    const before = await published();
    expect(before.map(({ alg }) => alg).toSorted()).toEqual(['ES256', 'RS256']);
    const began = Date.now();
    const { code, out, err } = await rotate(database());
    expect([code, err, out]).toEqual([
      0,
      '',
      expect.stringMatching(/^New signing keys are published\. They sign from \S+Z; the old ones/),
    ]);
    const signsFrom = Date.parse(/from (\S+);/.exec(out)?.[1] ?? '');
    expect(signsFrom).toBeGreaterThanOrEqual(began + LEAD_MS);
    expect(signsFrom).toBeLessThanOrEqual(Date.now() + LEAD_MS);
    const isNew = ({ kid }: { readonly kid: string }): boolean => before.every((old) => old.kid !== kid);
    const after = await until(async () => {
      const keys = await published();
      return keys.some(isNew) ? keys : undefined;
    });
    expect(after).toEqual(expect.arrayContaining([...before]));
    expect(
      after
        .filter(isNew)
        .map(({ alg }) => alg)
        .toSorted(),
    ).toEqual(['ES256', 'RS256']);
  }, 60_000);

  it('where no identity server has run yet it asks for nothing, and says what is missing', async () => {
    for (const role of ['ligature_cli', 'ligature_projector'] as const) {
      const { code, out, err } = await rotate(empty.urls[role]);
      expect([code, out, err]).toEqual([
        2,
        '',
        expect.stringMatching(/^There are no signing keys to rotate here: no identity server has run/),
      ]);
    }
  });

  it('without a database it says so', async () => {
    expect(await rotate('postgresql://ligature_cli@127.0.0.1:1/none')).toMatchObject({
      code: 3,
      err: expect.stringMatching(/^PostgreSQL cannot be reached .* DATABASE_URL/),
    });
    expect(await rotate('')).toMatchObject({ code: 2, err: expect.stringContaining('DATABASE_URL') });
  });
});
