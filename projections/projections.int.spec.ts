import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DomainEvent } from '#libs/event-store/event-definition.js';
import type { RecordedEvent } from '#libs/event-store/recorded-event.js';
import type { StreamName } from '#libs/event-store/stream-name.js';
import { migrate } from '#libs/platform/postgres/migrations.js';
import { createPool } from '#libs/platform/postgres/pool.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { createGeneration, projectionEngineMigrations } from '#libs/projection-engine/generations.postgres.js';
import { wantedAs } from '#libs/projection-engine/projection.js';
import type { Projection } from '#libs/projection-engine/projection.js';
import { createTestDatabase } from '#test-support/database.js';
import type { TestDatabase } from '#test-support/database.js';
import { recorded } from '#test-support/given.js';
import { linksProjection } from './links/links.projection.js';
import { usersProjection } from './users/users.projection.js';

const ANN = '00000000-0000-7000-8000-00000000000a';
const BEA = '00000000-0000-7000-8000-00000000000b';
const claimId = (n: number): string => `00000000-0000-7000-9000-00000000000${n}`;

let database: TestDatabase;
let pool: Pool;
/** In a stream of that user, in the order in which they stand in the test. */
const history = (...events: readonly (readonly [userId: string, event: DomainEvent])[]): RecordedEvent[] =>
  events.map(([userId, event], i) => {
    const category = ['LoginSucceeded', 'SessionStarted'].includes(event.type) ? 'userActivity' : 'user';
    const { metadata } = recorded(event);
    const occurredAt = new Date(Date.UTC(2026, 2, 3, 12, 0, i)).toISOString();
    return recorded(event, {
      stream: `${category}-${userId}` as StreamName,
      position: BigInt(i),
      metadata: { ...metadata, occurredAt },
    });
  });

const provisioned = (displayName?: string): DomainEvent => ({
  type: 'UserProvisioned',
  data: {
    organizationId: 'default',
    providerId: 'acme',
    ...(displayName ? { displayName, email: `${displayName}@acme.example` } : {}),
  },
});
const linked = (n: number, subject?: string): DomainEvent => ({
  type: 'ExternalIdentityLinked',
  data: {
    claimId: claimId(n),
    providerId: 'acme',
    identityKey: `key-${n}`,
    issuer: 'https://acme.example',
    ...(subject ? { subject, nameAtProvider: subject } : {}),
    provenance: { origin: 'self_service', proof: 'assertion', policyRevision: 'p', assertionId: 'a' },
  },
});
const unlinked = (n: number): DomainEvent => ({
  type: 'ExternalIdentityUnlinked',
  data: { claimId: claimId(n), providerId: 'acme', identityKey: `key-${n}` },
});
const signedIn = (n: number): DomainEvent => ({
  type: 'LoginSucceeded',
  data: {
    sessionId: 's',
    method: 'external_identity',
    providerId: 'acme',
    claimId: claimId(n),
    row: '2',
    policyRevision: 'p',
  },
});

beforeAll(async () => {
  database = await createTestDatabase();
  pool = createPool(database.urls.ligature_projector, { applicationName: 'test' });
  await migrate(pool, 'models', projectionEngineMigrations);
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

/** The rows after these batches, in a generation of their own. */
const rowsAfter = async (
  projection: Projection,
  batches: readonly (readonly RecordedEvent[])[],
): Promise<Record<string, unknown>[]> => {
  const name = `${projection.name}_${Math.random().toString(36).slice(2)}`;
  const own = { ...projection, name };
  const { generation } = await createGeneration(pool, own, 'building');
  const schema = `${name}_g${generation}`;
  for (const batch of batches)
    await projection.handle(
      batch.filter(({ event }) => wantedAs(projection, event.type)),
      pool,
      schema,
    );
  const { rows } = await pool.query<Record<string, unknown>>(
    `SELECT * FROM ${schema}.${projection.tables[0]?.name} ORDER BY 1`,
  );
  return rows;
};

/** Whatever the batches, and applied twice: the same rows (exactly-once effect, projections.md). */
const thenRows = async (
  projection: Projection,
  events: readonly RecordedEvent[],
  expected: readonly object[],
): Promise<void> => {
  const atOnce = await rowsAfter(projection, [events]);
  expect(atOnce).toEqual(expected);
  expect(await rowsAfter(projection, [events, events])).toEqual(atOnce);
  expect(
    await rowsAfter(
      projection,
      events.map((event) => [event]),
    ),
  ).toEqual(atOnce);
  expect(
    await rowsAfter(
      projection,
      events.flatMap((event) => [[event], [event]]),
    ),
  ).toEqual(atOnce);
};

describe('users', () => {
  it('has one row for each user, with the profile that the provider asserted', () =>
    thenRows(usersProjection, history([ANN, provisioned('Ann')], [ANN, linked(1)], [BEA, provisioned('Bea')]), [
      expect.objectContaining({
        user_id: ANN,
        organization_id: 'default',
        status: 'active',
        display_name: 'Ann',
        email: 'Ann@acme.example',
      }),
      expect.objectContaining({ user_id: BEA, display_name: 'Bea', created_at: new Date('2026-03-03T12:00:02.000Z') }),
    ]));

  it('has a row without personal values when they were erased', () =>
    thenRows(usersProjection, history([ANN, provisioned()]), [
      expect.objectContaining({ user_id: ANN, display_name: null, email: null }),
    ]));

  it('has no row for a user id that only ever saw an abandoned claim', () =>
    thenRows(usersProjection, history([ANN, { type: 'ClaimAbandoned', data: { claimId: claimId(1) } }]), []));
});

describe('links', () => {
  it('has one row for each live link, and when it was last used', () =>
    thenRows(
      linksProjection,
      history(
        [ANN, linked(1, 'ann')],
        [ANN, linked(2, 'ann-2')],
        [BEA, linked(3, 'bea')],
        [ANN, signedIn(2)],
        [ANN, signedIn(2)],
      ),
      [
        expect.objectContaining({ claim_id: claimId(1), user_id: ANN, subject: 'ann', last_used_at: null }),
        expect.objectContaining({
          claim_id: claimId(2),
          user_id: ANN,
          last_used_at: new Date('2026-03-03T12:00:04.000Z'),
        }),
        expect.objectContaining({
          claim_id: claimId(3),
          user_id: BEA,
          linked_at: new Date('2026-03-03T12:00:02.000Z'),
        }),
      ],
    ));

  it('an unlinked one is gone, a new link of the same identity is there, and a late use of the old one changes nothing', () =>
    thenRows(
      linksProjection,
      history([ANN, linked(1, 'ann')], [ANN, unlinked(1)], [ANN, linked(2, 'ann')], [ANN, signedIn(1)]),
      [expect.objectContaining({ claim_id: claimId(2), last_used_at: null })],
    ));

  it('L32: says which are on hold since a recovery; what its owner kept is no longer', () =>
    thenRows(
      linksProjection,
      history(
        [ANN, linked(1, 'kept')],
        [ANN, linked(2, 'removed')],
        [ANN, linked(3, 'undecided')],
        [ANN, { type: 'AccountRecovered', data: { emailId: claimId(9), onHold: [1, 2, 3].map(claimId) } }],
        [ANN, { type: 'SignInMethodsReviewed', data: { kept: [claimId(1)], removed: [claimId(2)] } }],
        [ANN, unlinked(2)],
        [ANN, linked(4, 'later')],
      ),
      [
        expect.objectContaining({ claim_id: claimId(1), on_hold: false }),
        expect.objectContaining({ claim_id: claimId(3), on_hold: true }),
        expect.objectContaining({ claim_id: claimId(4), on_hold: false }),
      ],
    ));

  it('has a row without personal values when they were erased', () =>
    thenRows(linksProjection, history([ANN, linked(1)]), [
      expect.objectContaining({ subject: null, name_at_provider: null }),
    ]));
});
