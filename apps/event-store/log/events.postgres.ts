import type { Queryable } from '#libs/platform/postgres/pool.js';
import { KnownPlaces } from './commit-plan.js';
import type { StoredEvent } from './event.js';
import { LOG_START } from './position.js';

/** Stores events in one statement, that is, in one transaction. */
export const insertEvents = async (connection: Queryable, events: readonly StoredEvent[]): Promise<void> => {
  const { rowCount } = await connection.query({
    name: 'insert-events',
    text: `INSERT INTO log.events (position, stream, revision, id, type, is_json, data, metadata, created_ms)
      SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::uuid[], $5::text[], $6::boolean[], $7::bytea[], $8::bytea[], $9::bigint[])`,
    values: [
      events.map((event) => event.position),
      events.map((event) => event.stream),
      events.map((event) => event.revision),
      events.map((event) => event.id),
      events.map((event) => event.type),
      events.map((event) => event.isJson),
      events.map((event) => event.data),
      events.map((event) => event.metadata),
      events.map((event) => event.createdMs),
    ],
  });
  if (rowCount !== events.length) throw new Error(`PostgreSQL stored ${rowCount} of ${events.length} events`);
};

/** Where these ids stand in the log. */
export const loadKnownPlaces = async (connection: Queryable, ids: readonly string[]): Promise<KnownPlaces> => {
  const places = new KnownPlaces();
  if (ids.length === 0) return places;
  const { rows } = await connection.query<{ stream: string; id: string; revision: string; position: string }>({
    name: 'known-places',
    text: 'SELECT stream, id, revision, position FROM log.events WHERE id = ANY ($1::uuid[])',
    values: [ids],
  });
  const places_ = rows.map((row) => ({ ...row, revision: BigInt(row.revision), position: BigInt(row.position) }));
  places_.sort((a, b) => (a.position < b.position ? -1 : 1));
  for (const { stream, id, revision, position } of places_) places.add(stream, id, { revision, position });
  return places;
};

/** Position of the last event of the log. */
export const loadLogEnd = async (connection: Queryable): Promise<bigint> => {
  const { rows } = await connection.query<{ position: string }>('SELECT position FROM log.events ORDER BY position DESC LIMIT 1');
  return rows[0] === undefined ? LOG_START : BigInt(rows[0].position);
};
