import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RecordedEvent } from '#libs/event-store/recorded-event.js';
import type { StreamName } from '#libs/event-store/stream-name.js';
import type { IdentityProviderEvent } from '#libs/identity-providers/events.js';
import { identityProviderSettingsSchema, withoutSecrets } from '#libs/identity-providers/settings.js';
import { migrate } from '#libs/platform/postgres/migrations.js';
import { createPool } from '#libs/platform/postgres/pool.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { projectionEngineMigrations } from '#libs/projection-engine/generations.postgres.js';
import { createTestDatabase } from '#test-support/database.js';
import type { TestDatabase } from '#test-support/database.js';
import { recorded } from '#test-support/given.js';
import { rowsAfterBatches } from '#test-support/projection-rows.js';
import { providersProjection } from './providers.projection.js';

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

const configured = (more: object): IdentityProviderEvent => {
  const settings = {
    id: 'x',
    displayName: 'Acme',
    kind: 'oidc',
    issuer: 'https://acme.example',
    clientId: 'c',
    scopes: ['openid'],
    ...more,
  };
  const { plain, secrets } = withoutSecrets(identityProviderSettingsSchema.parse(settings));
  return { type: 'IdentityProviderConfigured', data: { settings: plain, secrets } };
};
const of = (id: string, ...events: readonly IdentityProviderEvent[]): RecordedEvent[] =>
  events.map((event) => recorded(event, { stream: `identityProvider-${id}` as StreamName }));

/** In one batch, and applied twice: the same rows. */
const rowsOf = async (events: readonly RecordedEvent[]): Promise<Record<string, unknown>[]> => {
  const rows = await rowsAfterBatches(pool, providersProjection, [events]);
  expect(await rowsAfterBatches(pool, providersProjection, [events, events])).toEqual(rows);
  return rows;
};

describe('providers', () => {
  it('has a row for each, with what it is now; never a secret', async () => {
    const rows = await rowsOf([
      ...of(
        'acme',
        configured({ clientSecret: 'secret' }),
        { type: 'IdentityProviderDeactivated', data: {} },
        configured({ displayName: 'Renamed' }),
      ),
      ...of('ours', configured({ organizationId: 'default' })),
    ]);
    expect(rows).toEqual([
      {
        provider_id: 'acme',
        organization_id: null,
        kind: 'oidc',
        display_name: 'Renamed',
        issuer: 'https://acme.example',
        state: 'in_use',
        active: false,
      },
      expect.objectContaining({ provider_id: 'ours', organization_id: 'default', active: true }),
    ]);
  });

  it('follows a removal to its end', async () => {
    const announced: IdentityProviderEvent = { type: 'IdentityProviderRemovalAnnounced', data: {} };
    const cancelled: IdentityProviderEvent = { type: 'IdentityProviderRemovalCancelled', data: {} };
    expect(await rowsOf(of('a', configured({}), announced))).toMatchObject([
      { state: 'removal_announced', active: true },
    ]);
    expect(await rowsOf(of('a', configured({}), announced, cancelled))).toMatchObject([
      { state: 'in_use', active: true },
    ]);
    const removed: IdentityProviderEvent = { type: 'IdentityProviderRemoved', data: { peopleWithoutWayIn: 0 } };
    expect(await rowsOf(of('a', configured({}), announced, removed))).toMatchObject([
      { state: 'removed', active: false },
    ]);
  });
});
