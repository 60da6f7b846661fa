import { facetsOf } from '#libs/event-catalog/facets.js';
import type { Facets } from '#libs/event-catalog/facets.js';
import type { RecordedEvent } from '#libs/event-store/recorded-event.js';
import { categoryOf, idOf } from '#libs/event-store/stream-name.js';
import type { Queryable } from '#libs/platform/postgres/pool.js';
import { textArray } from '#libs/platform/postgres/text-array.js';
import type { Projection } from '#libs/projection-engine/projection.js';

const OF_A_USER = ['user', 'userActivity'];

interface Entry {
  readonly recorded: RecordedEvent;
  readonly facets: Facets;
}

interface Row extends Entry {
  readonly organizationId: string;
}

const isFirstOfUser = ({ event }: RecordedEvent): boolean =>
  event.type === 'UserProvisioned' || event.type === 'UserRegistered';

/**
 * Which event belongs to whose history, and by what it can be filtered: positions and filter columns, nothing personal,
 * no payload. The organization-wide history finds its events here and reads them from their streams. Settings of the
 * installation belong to no organization and have no row.
 */
export const historyIndexProjection: Projection = {
  name: 'history-index',
  version: 1,
  events: 'plain',
  streamPrefixes: [
    'user-',
    'userActivity-',
    'signInAttempts-',
    'organization-',
    'identityProvider-',
    'relyingParty-',
    'auditAccess-',
  ],
  tables: [
    {
      name: 'history_index',
      columns: `
        organization_id text NOT NULL,
        position bigint NOT NULL,
        stream text NOT NULL,
        revision bigint NOT NULL,
        type text NOT NULL,
        occurred_at timestamptz NOT NULL,
        actor_type text NOT NULL,
        actor_id text NOT NULL,
        provider_id text,
        PRIMARY KEY (organization_id, position)`,
    },
    {
      // An event by the system or an operator does not always say in which organization; its user's first event does.
      name: 'history_index_users',
      columns: 'user_id uuid PRIMARY KEY, organization_id text NOT NULL',
    },
  ],
  handle: async (batch, db, schema) => {
    const entries = batch.map((recorded) => ({ recorded, facets: facetsOf(recorded) }));
    const organizations = await organizationsOfUsers(entries, db, schema);
    const rows = entries.flatMap(({ recorded, facets }) => {
      const organizationId = facets.organizationId ?? organizations.get(idOf(recorded.stream));
      return organizationId === undefined ? [] : [{ recorded, facets, organizationId }];
    });
    await insert(rows, db, schema);
  },
};

/** Notes the organizations of users who begin in this batch, and looks up those of users whose events do not say. */
const organizationsOfUsers = async (
  entries: readonly Entry[],
  db: Queryable,
  schema: string,
): Promise<ReadonlyMap<string, string>> => {
  const firsts = entries.filter(({ recorded }) => isFirstOfUser(recorded));
  const begun = new Map(firsts.map(({ recorded, facets }) => [idOf(recorded.stream), facets.organizationId ?? '']));
  if (begun.size > 0) {
    await db.query(
      `INSERT INTO ${schema}.history_index_users (user_id, organization_id) SELECT * FROM unnest($1::uuid[], $2::text[]) ON CONFLICT DO NOTHING`,
      [[...begun.keys()], [...begun.values()]],
    );
  }
  const silent = entries.filter(
    ({ recorded, facets }) => facets.organizationId === undefined && OF_A_USER.includes(categoryOf(recorded.stream)),
  );
  const unknown = [...new Set(silent.map(({ recorded }) => idOf(recorded.stream)))].filter(
    (userId) => !begun.has(userId),
  );
  if (unknown.length === 0) return begun;
  const { rows } = await db.query<{ user_id: string; organization_id: string }>(
    `SELECT user_id, organization_id FROM ${schema}.history_index_users WHERE user_id = ANY($1)`,
    [unknown],
  );
  return new Map([...begun, ...rows.map((row) => [row.user_id, row.organization_id] as const)]);
};

/**
 * Inserts rows, in the order of their positions, that may be there already. Asking so for each row (`ON CONFLICT`) is a
 * third of what its insertion costs; so it is asked once for all of them, which are new unless a batch comes again.
 */
const insert = async (rows: readonly Row[], db: Queryable, schema: string): Promise<void> => {
  const [first, last] = [rows.at(0), rows.at(-1)];
  if (!first || !last) return;
  const column = (of: (row: Row) => string | null) => textArray(rows.map(of));
  const columns = [
    column(({ organizationId }) => organizationId),
    column(({ recorded }) => recorded.position.toString()),
    column(({ recorded }) => recorded.stream),
    column(({ recorded }) => recorded.revision.toString()),
    column(({ facets }) => facets.type),
    column(({ facets }) => facets.occurredAt),
    column(({ facets }) => facets.actor.type),
    column(({ facets }) => facets.actor.id),
    column(({ facets }) => facets.providerId ?? null),
  ];
  const statement = `
    INSERT INTO ${schema}.history_index (organization_id, position, stream, revision, type, occurred_at, actor_type, actor_id, provider_id)
    SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[], $5::text[], $6::timestamptz[], $7::text[], $8::text[], $9::text[])`;
  const { rowCount } = await db.query(
    `${statement} WHERE NOT EXISTS (SELECT FROM ${schema}.history_index WHERE organization_id = ANY($1) AND position BETWEEN $10 AND $11)`,
    [...columns, first.recorded.position, last.recorded.position],
  );
  if (rowCount === 0) await db.query(`${statement} ON CONFLICT DO NOTHING`, columns);
};
