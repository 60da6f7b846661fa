import { randomUUID } from 'node:crypto';
import { EventStoreDBClient, NO_STREAM, START, jsonEvent } from '@eventstore/db-client';
import type { JSONEventData, Position } from '@eventstore/db-client';
import { spawnEventStore, startEventStoreProcess } from '#test-support/event-store-process.js';
import type { EventStoreProcess } from '#test-support/event-store-process.js';
import { startScratchPostgres } from '../support/scratch-postgres.js';
import { LogAudit } from './support/log-audit.js';

/**
 * The embedded event store under faults: the node killed 20 times under 32 writers, PostgreSQL killed and restarted
 * under load, a second node on the same database. Every acknowledged event must be there, once; no gap in positions or
 * revisions; nothing that a reader saw may be missing. The writers follow the append protocol: an unknown outcome is
 * retried with the same events at the same revision.
 */
const ROUNDS = 20;
const POSTGRES_ROUNDS = 3;
const WRITERS = 32;
const MIN_ACKNOWLEDGED_PER_ROUND = 200;
const PATIENCE_MS = 60_000;

const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const audit = new LogAudit();
const counts = { nodeKills: 0, postgresKills: 0, errors: 0, retries: 0 };
let running = true;

/** One stream, appended to for ever, one to three events at a time. */
const write = async (client: EventStoreDBClient, stream: string): Promise<void> => {
  let revision = -1n;
  while (running) {
    const batch = Array.from({ length: 1 + Math.floor(Math.random() * 3) }, () =>
      jsonEvent({ type: 'Written', data: { filler: 'x'.repeat(500) }, id: randomUUID() }),
    );
    if (!(await appendUntilKnown(client, stream, revision, batch))) return;
    for (const { id } of batch) audit.acknowledged(stream, ++revision, id);
  }
};

/** @returns whether it is stored; refused is what an append at the right revision never may be */
const appendUntilKnown = async (
  client: EventStoreDBClient,
  stream: string,
  revision: bigint,
  batch: JSONEventData[],
): Promise<boolean> => {
  const expectedRevision = revision < 0n ? NO_STREAM : revision;
  for (let attempt = 0; ; attempt++) {
    try {
      await client.appendToStream(stream, batch, { expectedRevision });
      if (attempt > 0) counts.retries += 1;
      return true;
    } catch (error) {
      counts.errors += 1;
      const { type, message } = error as { type?: string; message: string };
      if (type === 'wrong-expected-version') {
        audit.violated(
          `An append at ${String(expectedRevision)} of ${stream} was refused, try ${attempt + 1}: ${message}`,
        );
        return false;
      }
      await delay(10);
    }
  }
};

/** A subscriber to everything, which comes back from the last event that it saw. */
const read = (client: EventStoreDBClient): void => {
  let last: Position | undefined;
  const subscribe = (): void => {
    const subscription = client.subscribeToAll({ fromPosition: last ?? START });
    let ended = false;
    const again = (): void => {
      if (ended || !running) return;
      ended = true;
      setTimeout(subscribe, 20);
    };
    subscription.on('data', ({ event }) => {
      if (event?.position === undefined) return;
      last = event.position;
      audit.seen(event.position.commit, event.id);
    });
    subscription.on('error', again);
    subscription.on('end', again);
  };
  subscribe();
};

const untilAcknowledged = async (more: number): Promise<void> => {
  const target = audit.acknowledgedCount + more;
  const endMs = Date.now() + PATIENCE_MS;
  while (audit.acknowledgedCount < target && Date.now() < endMs && audit.violations.length === 0) await delay(10);
  if (Date.now() >= endMs)
    audit.violated(`The store did not acknowledge ${more} events within ${PATIENCE_MS / 1000} s`);
};

const postgres = await startScratchPostgres();
const { ligature_event_store: databaseUrl } = await postgres.createDatabase('faults');
let node: EventStoreProcess = await startEventStoreProcess({ databaseUrl });
const { port } = node;
const client = EventStoreDBClient.connectionString(`${node.url}&defaultDeadline=5000`);

try {
  const writers = Array.from({ length: WRITERS }, (_, n) => write(client, `writer-${n}`));
  read(client);

  for (let round = 1; round <= ROUNDS; round++) {
    await untilAcknowledged(MIN_ACKNOWLEDGED_PER_ROUND);
    await delay(Math.random() * 300);
    node.kill('SIGKILL');
    await node.ended;
    counts.nodeKills += 1;
    node = await startEventStoreProcess({ databaseUrl, port });
    console.log(`node killed ${round}/${ROUNDS}: ${audit.acknowledgedCount} events acknowledged`);
  }

  const second = await spawnEventStore({ databaseUrl });
  const refused = await second.ended;
  if (refused !== 1) audit.violated(`A second node on the same database ended with ${refused}, not with exit code 1`);
  console.log(`second node: exit code ${refused}, "${second.output().trim()}"`);

  const { pid } = node;
  for (let round = 1; round <= POSTGRES_ROUNDS; round++) {
    await untilAcknowledged(MIN_ACKNOWLEDGED_PER_ROUND);
    const errors = counts.errors;
    await postgres.kill();
    counts.postgresKills += 1;
    await delay(200);
    if (counts.errors === errors) audit.violated('No client was told that PostgreSQL is away');
    await postgres.restart();
    await untilAcknowledged(MIN_ACKNOWLEDGED_PER_ROUND);
    console.log(`PostgreSQL killed ${round}/${POSTGRES_ROUNDS}: ${audit.acknowledgedCount} events acknowledged`);
  }
  if (node.pid !== pid) audit.violated('The node did not survive PostgreSQL');

  running = false;
  await Promise.all(writers);
  await audit.check(client.readAll());
} finally {
  await client.dispose();
  node.kill('SIGTERM');
  await node.ended;
  await postgres.discard();
}

console.log({ ...counts, ...audit.counts });
for (const violation of audit.violations) console.error(violation);
process.exit(audit.violations.length > 0 ? 1 : 0);
