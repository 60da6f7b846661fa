import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { DomainEvent } from '#libs/event-store/event-definition.js';
import type { EventMetadata } from '#libs/event-store/event-metadata.js';
import type { RecordedEvent } from '#libs/event-store/recorded-event.js';
import type { StreamName } from '#libs/event-store/stream-name.js';
import { migrate } from '#libs/platform/postgres/migrations.js';
import { createPool } from '#libs/platform/postgres/pool.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { projectionEngineMigrations } from '#libs/projection-engine/generations.postgres.js';
import { createTestDatabase } from '#test-support/database.js';
import type { TestDatabase } from '#test-support/database.js';
import { eventsOf, generatedAccount } from '#test-support/generated-account.js';
import { recorded } from '#test-support/given.js';
import { rowsAfterBatches } from '#test-support/projection-rows.js';
import { historyIndexProjection } from './history-index.projection.js';

const ANN = '00000000-0000-7000-8000-00000000000a';

let database: TestDatabase;
let pool: Pool;
beforeAll(async () => {
  database = await createTestDatabase();
  pool = createPool(database.urls.ligature_projector, { applicationName: 'test' });
  await migrate(pool, 'models', projectionEngineMigrations);
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

const registered: DomainEvent = { type: 'UserRegistered', data: { organizationId: 'default', displayName: 'Ann' } };
const renamed: DomainEvent = { type: 'OrganizationRenamed', data: { displayName: 'Renamed' } };

const history = (
  ...events: readonly (readonly [stream: string, event: DomainEvent, metadata?: Partial<EventMetadata>])[]
): RecordedEvent[] =>
  events.map(([stream, event, metadata], i) => {
    const at = { stream: stream as StreamName, position: BigInt(i * 64), revision: BigInt(i) };
    return recorded(event, { ...at, metadata: { ...recorded(event).metadata, ...metadata } });
  });

/** Whatever the batches, and applied twice: the same rows (exactly-once effect, projections.md). */
const rowsOf = async (events: readonly RecordedEvent[]): Promise<Record<string, unknown>[]> => {
  const rows = await rowsAfterBatches(pool, historyIndexProjection, [events]);
  for (const batches of [
    [events, events],
    events.map((event) => [event]),
    events.flatMap((event) => [[event], [event]]),
  ])
    expect(await rowsAfterBatches(pool, historyIndexProjection, batches)).toEqual(rows);
  return rows;
};

describe('the history index', () => {
  it('has a row for each event, with where it stands and what it is filtered by', async () => {
    const failed: DomainEvent = {
      type: 'LoginFailed',
      data: { code: 'account_not_found', providerId: 'acme', assertedEmail: 'ann@acme.example' },
    };
    const rows = await rowsOf(
      history(['signInAttempts-key', failed, { organizationId: 'default', actor: { type: 'provider', id: 'acme' } }]),
    );
    expect(rows).toEqual([
      {
        organization_id: 'default',
        position: '0',
        stream: 'signInAttempts-key',
        revision: '0',
        type: 'LoginFailed',
        occurred_at: new Date('2026-03-03T12:00:00.000Z'),
        actor_type: 'provider',
        actor_id: 'acme',
        provider_id: 'acme',
      },
    ]);
  });

  it('an event belongs to the organization that it says, its stream is named after, or its user began in', async () => {
    const ended: DomainEvent = { type: 'SessionEnded', data: { sessionId: 's', reason: 'account_erased' } };
    const rows = await rowsOf(
      history(
        [`userActivity-${ANN}`, ended, { organizationId: 'said' }],
        [`user-${ANN}`, registered],
        [`userActivity-${ANN}`, ended],
        ['organization-named', renamed],
        ['auditAccess-accessed', { type: 'HistoryAccessed', data: { access: 'export', query: {} } }],
        [
          'relyingParty-app',
          { type: 'RelyingPartyConfigured', data: { organizationId: 'configured', displayName: 'App' } },
        ],
      ),
    );
    expect(rows.map((row) => [row.organization_id, row.position]).toSorted()).toEqual([
      ['accessed', '256'],
      ['configured', '320'],
      ['default', '128'],
      ['default', '64'],
      ['named', '192'],
      ['said', '0'],
    ]);
  });

  it('has no row for what belongs to no organization', async () => {
    const dead: DomainEvent = { type: 'ClaimAbandoned', data: { claimId: ANN } };
    const deactivated: DomainEvent = { type: 'IdentityProviderDeactivated', data: {} };
    expect(await rowsOf(history([`user-${ANN}`, dead], ['identityProvider-acme', deactivated]))).toEqual([]);
  });

  it('is right when a long batch comes again, whole, in part, or with more behind it', async () => {
    const events = history(...Array.from({ length: 300 }, () => ['organization-default', renamed] as const));
    const [begin, middle, end] = [events.slice(0, 100), events.slice(100, 200), events.slice(200)];
    const rows = await rowsAfterBatches(pool, historyIndexProjection, [events]);
    expect(rows).toHaveLength(300);
    for (const batches of [
      [events, events],
      [begin, events],
      [begin, middle, end, middle],
      [
        [...begin, ...middle],
        [...middle, ...end],
      ],
      // The first is there, the last is not, and the other way round: whatever stands between them.
      [begin.slice(0, 1), events],
      [end.slice(-1), events],
    ])
      expect(await rowsAfterBatches(pool, historyIndexProjection, batches)).toEqual(rows);
  });

  it('holds no personal value, whatever the history', () =>
    fc.assert(
      fc.asyncProperty(generatedAccount, async (generated) => {
        const named = {
          ...generated,
          name: 'SECRET',
          steps: generated.steps.map((step) => ({ ...step, name: 'SECRET' })),
        };
        const rows = await rowsAfterBatches(pool, historyIndexProjection, [eventsOf(named, ANN)]);
        expect(rows.length).toBeGreaterThan(0);
        expect(JSON.stringify(rows)).not.toContain('SECRET');
      }),
      { numRuns: 10 },
    ));
});
