import type { Migration } from '#libs/platform/postgres/migrations.js';

/**
 * The log is one table. Strings compare byte by byte (`COLLATE "C"`): a stream is its exact name. The index on `id`
 * serves the idempotency of appends that name no revision (`any`, `stream_exists`).
 */
export const LOG_MIGRATIONS: readonly Migration[] = [
  {
    name: '0001-events',
    sql: `
      CREATE TABLE log.events (
        position bigint PRIMARY KEY,
        stream text COLLATE "C" NOT NULL,
        revision bigint NOT NULL,
        id uuid NOT NULL,
        type text COLLATE "C" NOT NULL,
        is_json boolean NOT NULL,
        data bytea NOT NULL,
        metadata bytea NOT NULL,
        created_ms bigint NOT NULL,
        UNIQUE (stream, revision)
      );
      CREATE INDEX events_id ON log.events (id);
      COMMENT ON TABLE log.events IS 'Every event, in commit order. Written by the event-store node alone; read it freely, never change it.';
      COMMENT ON COLUMN log.events.position IS 'Place in $all: 64, 128, 192, … without gaps.';
      COMMENT ON COLUMN log.events.created_ms IS 'Milliseconds since the epoch, by the writer''s clock.';
    `,
  },
];
