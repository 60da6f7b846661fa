import { idOf } from '#libs/event-store/stream-name.js';
import type { RecordedEvent } from '#libs/event-store/recorded-event.js';
import type { IdentityProviderEvent } from '#libs/identity-providers/events.js';
import type { Queryable } from '#libs/platform/postgres/pool.js';
import type { Projection } from '#libs/projection-engine/projection.js';

/** Which identity providers there are and were, without their secrets: one row each. */
export const providersProjection: Projection = {
  name: 'providers',
  version: 1,
  streamPrefixes: ['identityProvider-'],
  tables: [
    {
      name: 'providers',
      columns: `
        provider_id text PRIMARY KEY,
        organization_id text,
        kind text NOT NULL,
        display_name text NOT NULL,
        issuer text NOT NULL,
        state text NOT NULL,
        active boolean NOT NULL`,
    },
  ],
  // Providers change rarely: one statement for each event.
  handle: async (batch, db, schema) => {
    for (const recorded of batch as readonly RecordedEvent<IdentityProviderEvent>[]) await apply(recorded, db, schema);
  },
};

const apply = async (
  { event, stream }: RecordedEvent<IdentityProviderEvent>,
  db: Queryable,
  schema: string,
): Promise<void> => {
  const id = idOf(stream);
  const set = (assignment: string): Promise<unknown> =>
    db.query(`UPDATE ${schema}.providers SET ${assignment} WHERE provider_id = $1`, [id]);
  switch (event.type) {
    case 'IdentityProviderConfigured': {
      const { settings } = event.data;
      await db.query(
        `INSERT INTO ${schema}.providers (provider_id, organization_id, kind, display_name, issuer, state, active)
         VALUES ($1, $2, $3, $4, $5, 'in_use', true)
         ON CONFLICT (provider_id) DO UPDATE SET kind = $3, display_name = $4, issuer = $5`,
        [
          id,
          settings.organizationId ?? null,
          settings.kind,
          settings.displayName,
          settings.kind === 'saml' ? settings.entityId : settings.issuer,
        ],
      );
      return;
    }
    case 'IdentityProviderDeactivated':
      await set('active = false');
      return;
    case 'IdentityProviderActivated':
      await set('active = true');
      return;
    case 'IdentityProviderRemovalAnnounced':
      await set(`state = 'removal_announced'`);
      return;
    case 'IdentityProviderRemovalCancelled':
      await set(`state = 'in_use'`);
      return;
    case 'IdentityProviderRemoved':
      await set(`state = 'removed', active = false`);
      return;
  }
};
