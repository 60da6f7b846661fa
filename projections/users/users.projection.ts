import { userProvisioned } from '#libs/accounts/events.js';
import type { EventOf } from '#libs/event-store/event-definition.js';
import type { RecordedEvent } from '#libs/event-store/recorded-event.js';
import { idOf } from '#libs/event-store/stream-name.js';
import type { Projection } from '#libs/projection-engine/projection.js';

type Provisioned = RecordedEvent<EventOf<typeof userProvisioned>>;

const isProvisioned = (recorded: RecordedEvent): recorded is Provisioned => recorded.event.type === userProvisioned.type;

/** Who the users are: one row each, with the profile that relying apps get as claims. */
export const usersProjection: Projection = {
  name: 'users',
  version: 1,
  streamPrefixes: ['user-'],
  tables: [
    {
      name: 'users',
      columns: `
        user_id uuid PRIMARY KEY,
        organization_id text NOT NULL,
        status text NOT NULL,
        display_name text,
        given_name text,
        family_name text,
        email text,
        created_at timestamptz NOT NULL`,
    },
  ],
  handle: async (batch, db, schema) => {
    const provisioned = batch.filter(isProvisioned);
    if (provisioned.length === 0) return;
    const column = (of: (recorded: Provisioned) => string | undefined): (string | null)[] =>
      provisioned.map((recorded) => of(recorded) ?? null);
    await db.query(
      `INSERT INTO ${schema}.users (user_id, organization_id, status, display_name, given_name, family_name, email, created_at)
       SELECT user_id, organization_id, 'active', display_name, given_name, family_name, email, created_at
       FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[])
         AS t (user_id, organization_id, display_name, given_name, family_name, email, created_at)
       ON CONFLICT (user_id) DO NOTHING`,
      [
        column(({ stream }) => idOf(stream)),
        column(({ event }) => event.data.organizationId),
        column(({ event }) => event.data.displayName),
        column(({ event }) => event.data.givenName),
        column(({ event }) => event.data.familyName),
        column(({ event }) => event.data.email),
        column(({ metadata }) => metadata.occurredAt),
      ],
    );
  },
};
