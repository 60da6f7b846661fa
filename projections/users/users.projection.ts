import type { AccountEvent } from '#libs/users/events.js';
import type { RecordedEvent } from '#libs/event-store/recorded-event.js';
import { idOf } from '#libs/event-store/stream-name.js';
import type { Projection } from '#libs/projection-engine/projection.js';

/** Columns of a row that an event sets; the others stay. */
interface Patch {
  organization_id?: string;
  status?: 'active' | 'deactivated' | 'erasing' | 'erased';
  username?: string | null;
  display_name?: string | null;
  given_name?: string | null;
  family_name?: string | null;
  email?: string | null;
  email_verified?: boolean;
  created_at?: string;
}

const NOTHING_PERSONAL: Patch = {
  username: null,
  display_name: null,
  given_name: null,
  family_name: null,
  email: null,
  email_verified: false,
};

/** What an event makes of its user's row; nothing for events that the row does not show. */
const patchOf = ({ event, metadata }: RecordedEvent<AccountEvent>): Patch | undefined => {
  switch (event.type) {
    case 'UserProvisioned': {
      const { organizationId, displayName, givenName, familyName, email } = event.data;
      return {
        organization_id: organizationId,
        status: 'active',
        ...NOTHING_PERSONAL,
        display_name: displayName ?? null,
        given_name: givenName ?? null,
        family_name: familyName ?? null,
        email: email ?? null,
        created_at: metadata.occurredAt,
      };
    }
    case 'UserRegistered': {
      const { organizationId, displayName } = event.data;
      return {
        organization_id: organizationId,
        status: 'active',
        ...NOTHING_PERSONAL,
        display_name: displayName ?? null,
        created_at: metadata.occurredAt,
      };
    }
    case 'ProfileUpdated': {
      const { displayName, givenName, familyName } = event.data;
      return { display_name: displayName ?? null, given_name: givenName ?? null, family_name: familyName ?? null };
    }
    case 'UsernameChanged':
      return { username: event.data.username ?? null };
    case 'EmailVerified':
    case 'EmailChanged':
      return { email: event.data.address ?? null, email_verified: event.data.address !== undefined };
    case 'UserDeactivated':
      return { status: 'deactivated' };
    case 'UserReactivated':
      return { status: 'active' };
    case 'ErasureStarted':
      return { status: 'erasing' };
    case 'UserErased':
      return { status: 'erased', ...NOTHING_PERSONAL };
    default:
      return undefined;
  }
};

/** Who the users are: one row each, with the profile that relying apps get as claims. */
export const usersProjection: Projection = {
  name: 'users',
  version: 2,
  streamPrefixes: ['user-'],
  events: {
    UserProvisioned: 'whole',
    UserRegistered: 'whole',
    ProfileUpdated: 'whole',
    UsernameChanged: 'whole',
    EmailVerified: 'whole',
    EmailChanged: 'whole',
    UserDeactivated: 'plain',
    UserReactivated: 'plain',
    ErasureStarted: 'plain',
    UserErased: 'plain',
  },
  tables: [
    {
      name: 'users',
      columns: `
        user_id uuid PRIMARY KEY,
        organization_id text NOT NULL,
        status text NOT NULL,
        username text,
        display_name text,
        given_name text,
        family_name text,
        email text,
        email_verified boolean NOT NULL,
        created_at timestamptz NOT NULL`,
      personal: { subject: 'user_id', columns: ['username', 'display_name', 'given_name', 'family_name', 'email'] },
    },
  ],
  handle: async (batch, db, schema) => {
    const created = new Map<string, Patch>();
    const changed = new Map<string, Patch>();
    for (const recorded of batch) {
      const patch = patchOf(recorded as RecordedEvent<AccountEvent>);
      if (!patch) continue;
      const userId = idOf(recorded.stream);
      const rows = patch.organization_id !== undefined || created.has(userId) ? created : changed;
      rows.set(userId, { ...rows.get(userId), ...patch });
    }
    if (created.size > 0) {
      await db.query(
        `INSERT INTO ${schema}.users
         SELECT * FROM json_populate_recordset(NULL::${schema}.users, $1::json)
         ON CONFLICT (user_id) DO NOTHING`,
        [JSON.stringify([...created].map(([userId, patch]) => ({ user_id: userId, ...patch })))],
      );
    }
    if (changed.size > 0) {
      await db.query(
        `UPDATE ${schema}.users AS u
         SET (status, username, display_name, given_name, family_name, email, email_verified) =
           (SELECT p.status, p.username, p.display_name, p.given_name, p.family_name, p.email, p.email_verified
            FROM jsonb_populate_record(u, t.patch) AS p)
         FROM unnest($1::uuid[], $2::jsonb[]) AS t (user_id, patch)
         WHERE u.user_id = t.user_id`,
        columnsOf(changed),
      );
    }
  },
};

const columnsOf = (rows: ReadonlyMap<string, Patch>): [string[], string[]] => [
  [...rows.keys()],
  [...rows.values()].map((patch) => JSON.stringify(patch)),
];
