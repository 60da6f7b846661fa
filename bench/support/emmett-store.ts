import {
  postgreSQLRawBatchSQLProjection,
  getPostgreSQLEventStore,
  rebuildPostgreSQLProjections,
} from '@event-driven-io/emmett-postgresql';
import { sql } from '@event-driven-io/dumbo';
import pg from 'pg';
import type { DomainEvent } from '#libs/event-store/event-definition.js';
import { idOf } from '#libs/event-store/stream-name.js';
import { newUuid } from '#libs/platform/ids.js';

const BATCH = 1_000;

interface EmmettEvent {
  readonly type: string;
  readonly data: Record<string, unknown>;
  readonly metadata: { readonly streamName: string };
}

/** Rows as JSON, in one statement for each kind of change: no worse than what our own handlers do. */
const recordset = (rows: readonly object[]): string => `'${JSON.stringify(rows).replaceAll("'", "''")}'::jsonb`;
const of = (events: readonly EmmettEvent[], type: string): readonly (Record<string, unknown> & { id: string })[] =>
  events
    .filter((event) => event.type === type)
    .map(({ data, metadata }) => ({ ...data, id: idOf(metadata.streamName) }));

const users = postgreSQLRawBatchSQLProjection({
  name: 'users',
  canHandle: ['UserProvisioned'],
  evolve: (events) => [
    sql(
      `INSERT INTO users SELECT id, "organizationId", 'active', NULL, "displayName", "givenName", "familyName", email, false, now()
       FROM jsonb_to_recordset(${recordset(of(events as unknown as EmmettEvent[], 'UserProvisioned')).replaceAll('%', '%%')})
         AS t (id uuid, "organizationId" text, "displayName" text, "givenName" text, "familyName" text, email text) ON CONFLICT DO NOTHING`,
    ),
  ],
});

const links = postgreSQLRawBatchSQLProjection({
  name: 'links',
  canHandle: ['ExternalIdentityLinked', 'LoginSucceeded'],
  evolve: (events) => [
    sql(
      `INSERT INTO links SELECT "claimId", id, "providerId", issuer, subject, "nameAtProvider", 'just_in_time', now(), NULL
       FROM jsonb_to_recordset(${recordset(of(events as unknown as EmmettEvent[], 'ExternalIdentityLinked')).replaceAll('%', '%%')})
         AS t ("claimId" uuid, id uuid, "providerId" text, issuer text, subject text, "nameAtProvider" text) ON CONFLICT DO NOTHING`,
    ),
    sql(
      `UPDATE links SET last_used_at = now()
       FROM jsonb_to_recordset(${recordset(of(events as unknown as EmmettEvent[], 'LoginSucceeded')).replaceAll('%', '%%')}) AS t ("claimId" uuid)
       WHERE links.claim_id = t."claimId"`,
    ),
  ],
});

/**
 * The same people in Emmett's store on PostgreSQL, in a database of its own, and two projections equivalent to ours.
 */
export class EmmettStore {
  events = 0;

  private constructor(
    private readonly url: string,
    private readonly database: pg.Client,
    private readonly store: ReturnType<typeof getPostgreSQLEventStore>,
  ) {}

  static async create(serverUrl: string): Promise<EmmettStore> {
    const server = new pg.Client({ connectionString: serverUrl });
    await server.connect();
    await server.query('CREATE DATABASE emmett');
    await server.end();
    const url = new URL(serverUrl);
    url.pathname = '/emmett';
    const store = getPostgreSQLEventStore(url.href);
    await store.schema.migrate();
    const database = new pg.Client({ connectionString: url.href });
    await database.connect();
    await database.query(`
      CREATE INDEX ON emt_messages (partition, is_archived, transaction_id, global_position);
      CREATE TABLE users (user_id uuid PRIMARY KEY, organization_id text, status text, username text, display_name text, given_name text,
        family_name text, email text, email_verified boolean, created_at timestamptz);
      CREATE TABLE links (claim_id uuid PRIMARY KEY, user_id uuid, provider_id text, issuer text, subject text, name_at_provider text, origin text,
        linked_at timestamptz, last_used_at timestamptz);
      CREATE INDEX ON links (user_id);
      CREATE INDEX ON links (provider_id, linked_at)`);
    return new EmmettStore(url.href, database, store);
  }

  /** In plain: it has nothing to decrypt. */
  async insert(
    events: readonly { readonly stream: string; readonly revision: number; readonly event: DomainEvent }[],
  ): Promise<void> {
    await this.database.query(
      `INSERT INTO emt_messages (stream_id, stream_position, message_schema_version, message_id, message_type, message_data, message_metadata, transaction_id)
       SELECT stream, revision + 1, '1', id, type, data, '{}', pg_current_xact_id()
       FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::jsonb[]) AS t (stream, revision, id, type, data)`,
      [
        events.map(({ stream }) => stream),
        events.map(({ revision }) => revision),
        events.map(() => newUuid()),
        events.map(({ event }) => event.type),
        events.map(({ event }) => JSON.stringify(event.data)),
      ],
    );
    this.events += events.length;
  }

  /** Both projections from the first event on. @returns events per second */
  async rebuild(): Promise<number> {
    // Its own checkpoints too: it would go on where the rebuild before ended.
    await this.database.query('TRUNCATE users, links, emt_processors; ANALYZE emt_messages');
    const startedMs = performance.now();
    const consumer = rebuildPostgreSQLProjections({
      connectionString: this.url,
      pulling: { batchSize: BATCH },
      projections: [users, links],
    });
    await consumer.start();
    const rate = this.events / ((performance.now() - startedMs) / 1000);
    await consumer.close();
    const { rows } = await this.database.query<{ n: string }>(
      'SELECT count(*) AS n FROM links WHERE last_used_at IS NOT NULL',
    );
    if (Number(rows[0]?.n) === 0) throw new Error('emmett has built nothing');
    return rate;
  }

  async close(): Promise<void> {
    await this.store.close();
    await this.database.end();
  }
}
