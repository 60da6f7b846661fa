import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { idOf } from '#libs/event-store/stream-name.js';
import { newUuid } from '#libs/platform/ids.js';
import { silentLogger } from '#libs/platform/logger.js';
import { migrate } from '#libs/platform/postgres/migrations.js';
import { createPool } from '#libs/platform/postgres/pool.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { projectionEngineMigrations } from '#libs/projection-engine/generations.postgres.js';
import type { Projection } from '#libs/projection-engine/projection.js';
import { Projector } from '#libs/projection-engine/projector.js';
import { Replayer } from '#libs/projection-engine/replayer.js';
import { findReplay, requestReplay } from '#libs/projection-engine/replays.postgres.js';
import { waitForPosition } from '#libs/projection-engine/wait-for-position.js';
import { appendActivity } from '#libs/sign-in/open-session.js';
import { startTestInstallation, testContext } from '#test-support/installation.js';
import type { TestInstallation } from '#test-support/installation.js';
import { until } from '#test-support/until.js';
import { subjectRules } from './subject-rules.js';

// As docs/projections.md has it, word for word.
/** How often each person has signed in. */
const signInCountsProjection: Projection = {
  name: 'sign-in-counts',
  version: 1,
  streamPrefixes: ['userActivity-'],
  events: { LoginSucceeded: 'plain' },
  tables: [{ name: 'sign_in_counts', columns: 'user_id uuid PRIMARY KEY, sign_ins integer NOT NULL' }],
  handle: async (batch, db, schema) => {
    await db.query(
      `INSERT INTO ${schema}.sign_in_counts AS c SELECT user_id, count(*) FROM unnest($1::uuid[]) AS t (user_id) GROUP BY user_id
       ON CONFLICT (user_id) DO UPDATE SET sign_ins = c.sign_ins + excluded.sign_ins`,
      [batch.map(({ stream }) => idOf(stream))],
    );
  },
};

describe('a read model that a newcomer adds', () => {
  let installation: TestInstallation;
  let pool: Pool;
  beforeAll(async () => {
    installation = await startTestInstallation();
    pool = createPool(installation.eventStore.database.urls.ligature_projector, { applicationName: 'test' });
    await migrate(pool, 'models', projectionEngineMigrations);
  });
  afterAll(async () => {
    await pool.end();
    await installation.stop();
  });

  const signIn = async (userId: string): Promise<bigint> => {
    const sessionId = newUuid();
    const { position } = await appendActivity(
      installation.store,
      userId,
      [
        { type: 'LoginSucceeded', data: { sessionId, method: 'password' } },
        { type: 'SessionStarted', data: { sessionId, authenticatedAt: '2026-03-03T12:00:00.000Z' } },
      ],
      testContext(),
    );
    return position;
  };

  it('is the one of docs/projections.md', () => {
    const documented = /```ts\n[^`]*?(export const signInCountsProjection[^]*?)```/.exec(
      readFileSync('docs/projections.md', 'utf8'),
    )?.[1];
    const here = /(const signInCountsProjection[^]*?\n};\n)/.exec(
      readFileSync('projections/example.int.spec.ts', 'utf8'),
    )?.[1];
    expect(documented).toBe(`export ${here}`);
  });

  it('is built from the first event on, follows the log, and is replayed, verified and read like any other', async () => {
    const [ann, bea] = [newUuid(), newUuid()];
    for (const userId of [ann, bea, ann]) await signIn(userId);
    const dependencies = { ...installation, pool, logger: silentLogger, subjects: subjectRules, build: 'test' };
    const stopping = new AbortController();
    const runners = [
      new Projector(dependencies, signInCountsProjection),
      new Replayer(dependencies, [signInCountsProjection], 'the test'),
    ];
    const running = Promise.all(runners.map((runner) => runner.run(stopping.signal)));
    const counts = async (): Promise<unknown[]> =>
      (await pool.query<object>('SELECT user_id, sign_ins FROM models.sign_in_counts ORDER BY user_id')).rows;
    try {
      await waitForPosition(pool, 'sign-in-counts', await signIn(ann), 10_000);
      for (const kind of ['replay', 'verify'] as const) {
        const { id } = await requestReplay(pool, 'sign-in-counts', { kind });
        const done = await until(async () => {
          const replay = await findReplay(pool, id);
          return replay?.report ? replay : undefined;
        });
        expect(done).toMatchObject({ state: 'done', report: { identical: true } });
      }
      expect(await counts()).toEqual(
        [
          { user_id: ann, sign_ins: 3 },
          { user_id: bea, sign_ins: 1 },
        ].sort((a, b) => (a.user_id < b.user_id ? -1 : 1)),
      );
    } finally {
      stopping.abort();
      await running;
    }
  });
});
