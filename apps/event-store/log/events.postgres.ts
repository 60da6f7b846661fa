import type { Queryable } from '#libs/platform/postgres/pool.js';
import { KnownPlaces } from './commit-plan.js';
import type { StoredEvent } from './event.js';
import { LOG_START } from './position.js';

const INSERT = `
  INSERT INTO log.events (position, stream, revision, id, type, is_json, data, metadata, created_ms)
  SELECT position, stream, revision, id, type, is_json,
    substring($1::bytea FROM data_from FOR data_length), substring($1::bytea FROM data_from + data_length FOR metadata_length), created_ms
  FROM unnest($2::bigint[], $3::text[], $4::bigint[], $5::uuid[], $6::text[], $7::boolean[], $8::int[], $9::int[], $10::int[], $11::bigint[])
    AS event (position, stream, revision, id, type, is_json, data_from, data_length, metadata_length, created_ms)`;

/** An array parameter of what needs no quoting: numbers, booleans, UUIDs. The driver quotes each element. */
const plainArray = (values: readonly unknown[]): string => `{${values.join(',')}}`;

/**
 * Stores events in one statement, that is, in one transaction. All payloads go as one parameter, which the driver sends
 * as it is; in an array each would be written as hexadecimal text, twice as long.
 */
export const insertEvents = async (connection: Queryable, events: readonly StoredEvent[]): Promise<void> => {
  const payloads: Uint8Array[] = [];
  const offsets: number[] = [];
  let offset = 1;
  for (const { data, metadata } of events) {
    payloads.push(data, metadata);
    offsets.push(offset);
    offset += data.length + metadata.length;
  }
  const { rowCount } = await connection.query({
    name: 'insert-events',
    text: INSERT,
    values: [
      Buffer.concat(payloads),
      plainArray(events.map((event) => event.position)),
      events.map((event) => event.stream),
      plainArray(events.map((event) => event.revision)),
      plainArray(events.map((event) => event.id)),
      events.map((event) => event.type),
      plainArray(events.map((event) => event.isJson)),
      plainArray(offsets),
      plainArray(events.map((event) => event.data.length)),
      plainArray(events.map((event) => event.metadata.length)),
      plainArray(events.map((event) => event.createdMs)),
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
  const { rows } = await connection.query<{ position: string }>(
    'SELECT position FROM log.events ORDER BY position DESC LIMIT 1',
  );
  return rows[0] === undefined ? LOG_START : BigInt(rows[0].position);
};
