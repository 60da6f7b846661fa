import { randomUUID } from 'node:crypto';
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import type { AppendResult, JSONEventData, ResolvedEvent } from '@eventstore/db-client';
import { afterAll, beforeAll } from '@jest/globals';
import { startTestEventStore } from '#test-support/event-store.js';
import type { TestEventStore } from '#test-support/event-store.js';

/** The store that the contract is held against: `EVENTSTORE_URL`, or else an embedded node with a log of its own. */
export interface ContractStore {
  readonly url: string;
  readonly client: EventStoreDBClient;
}

/**
 * Declares the store for the tests of a file. It may hold anything already, so each test takes streams of its own
 * ({@link newStream}).
 */
export const useContractStore = (): (() => ContractStore) => {
  let embedded: TestEventStore | undefined;
  let store: ContractStore | undefined;
  beforeAll(async () => {
    const given = process.env.EVENTSTORE_URL;
    if (given === undefined) embedded = await startTestEventStore();
    const url = given ?? (embedded as TestEventStore).url;
    store = { url, client: EventStoreDBClient.connectionString(url) };
  });
  afterAll(async () => {
    await store?.client.dispose();
    await embedded?.stop();
  });
  return () => store as ContractStore;
};

/** A stream that nobody has written. */
export const newStream = (hint = 'contract'): string => `${hint}${randomUUID().replaceAll('-', '')}`;

/** An event as a test proposes it. */
export const event = (type: string, data: Record<string, unknown> = {}, id: string = randomUUID()): JSONEventData =>
  jsonEvent({ type, data, id });

/** `n` events of types `E0`, `E1`, … */
export const events = (n: number): JSONEventData[] =>
  Array.from({ length: n }, (_, index) => event(`E${index}`, { index }));

/** All that a read yields. */
export const collect = async (read: AsyncIterable<ResolvedEvent>): Promise<ResolvedEvent[]> => {
  const resolved: ResolvedEvent[] = [];
  for await (const each of read) resolved.push(each);
  return resolved;
};

/** The types of what a read yields: enough to tell the events of a test apart. */
export const typesOf = async (read: AsyncIterable<ResolvedEvent>): Promise<string[]> =>
  (await collect(read)).map((resolved) => resolved.event?.type ?? 'unresolved');

export const revisionsOf = async (read: AsyncIterable<ResolvedEvent>): Promise<bigint[]> =>
  (await collect(read)).map((resolved) => (resolved.event ?? resolved.link)?.revision ?? -1n);

/** Where an append ended in `$all`. */
export const positionOf = (result: AppendResult): { readonly commit: bigint; readonly prepare: bigint } => {
  if (result.position === undefined) throw new Error('The append answered no position');
  return result.position;
};

/** The end of the log now, for tests that look at what comes after it: the store may hold a great deal already. */
export const endOfLog = async ({
  client,
}: ContractStore): Promise<{ readonly commit: bigint; readonly prepare: bigint }> =>
  positionOf(await client.appendToStream(newStream('mark'), event('Mark')));

/** Waits for a state; a test that waits in vain runs into its time-out. */
export const until = async (state: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await state())) await new Promise((resolve) => setTimeout(resolve, 10));
};
