import { randomUUID } from 'node:crypto';
import { binaryEvent, jsonEvent } from '@eventstore/db-client';
import type {
  AllStreamSubscription,
  AppendResult,
  EventStoreDBClient,
  JSONEventData,
  MetadataType,
  ResolvedEvent,
  StreamSubscription,
} from '@eventstore/db-client';
import { until } from './contract-store.js';

/**
 * The form in which answers of a real EventStoreDB were recorded (`fixtures/event-store-23.10.8.json`): plain JSON.
 * `"3n"` is a bigint, `"DATE"` a date, `RUN` the random part of a stream name, `{text}` and `{base64}` are bytes.
 * Positions are not in it, only whether they are there and how they compare.
 */
export type Recorded = unknown;

/** What a scenario works with. */
export interface Scene {
  readonly client: EventStoreDBClient;
  readonly url: string;
  /** The random part of all names of a run. */
  readonly run: string;
  /** A stream of the scenario's own. */
  readonly stream: string;
}

export interface RecordedScenario {
  readonly name: string;
  readonly play: (scene: Scene) => Promise<Recorded>;
}

/** An event without data unless told. */
export const ev = (
  type: string,
  data: Record<string, unknown> = {},
  id: string = randomUUID(),
  metadata?: MetadataType & Record<string, unknown>,
): JSONEventData => jsonEvent({ type, data, id, ...(metadata ? { metadata } : {}) }) as JSONEventData;

export const linkTo = (revision: number, stream: string): ReturnType<typeof binaryEvent> =>
  binaryEvent({ type: '$>', data: Buffer.from(`${revision}@${stream}`) });

/** Any value in recorded form. */
export const plain = (value: unknown, depth = 0): Recorded => {
  if (typeof value === 'bigint') return `${value}n`;
  if (value instanceof Uint8Array) {
    const bytes = Buffer.from(value);
    return /^[\x20-\x7e]+$/.test(bytes.toString('latin1'))
      ? { text: bytes.toString('utf8') }
      : { base64: bytes.toString('base64') };
  }
  if (value instanceof Date) return 'DATE';
  if (Array.isArray(value)) return value.map((item) => plain(item, depth + 1));
  if (value && typeof value === 'object') {
    return depth > 6
      ? '…'
      : Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item, depth + 1)]));
  }
  return value;
};

interface ClientError extends Error {
  readonly type?: string;
  readonly code?: number;
  readonly metadata?: { getMap(): Record<string, unknown> };
  readonly _raw?: { readonly metadata?: { getMap(): Record<string, unknown> } };
}

const NAMED_FIELDS = ['streamName', 'expectedVersion', 'actualVersion', 'position', 'maxAppendSize'] as const;

/** An error of the client in recorded form: class, type, code, message, named fields, trailers. */
export const failure = (error: unknown): Recorded => {
  const known = error as ClientError & Partial<Record<(typeof NAMED_FIELDS)[number], unknown>>;
  const {
    date,
    server,
    'content-type': type,
    'content-length': length,
    ...trailers
  } = known._raw?.metadata?.getMap() ?? known.metadata?.getMap() ?? {};
  void [date, server, type, length];
  return {
    error: {
      class: known.constructor.name,
      type: known.type,
      code: known.code,
      message: known.message,
      ...Object.fromEntries(
        NAMED_FIELDS.filter((field) => known[field] !== undefined).map((field) => [field, plain(known[field])]),
      ),
      trailers: known._raw?.metadata === undefined && known.metadata === undefined ? undefined : trailers,
    },
  };
};

/** The outcome, or the error in recorded form. */
export const tried = async (attempt: () => Promise<unknown>): Promise<Recorded> => {
  try {
    return await attempt();
  } catch (error) {
    return failure(error);
  }
};

/** The answer to an append in recorded form. */
export const appended = async (append: Promise<AppendResult>): Promise<Recorded> => {
  const { success, nextExpectedRevision, position } = await append;
  return { success, nextExpectedRevision: plain(nextExpectedRevision), hasPosition: position !== undefined };
};

/** An event that was read, in recorded form. */
export const shape = ({ event, link, commitPosition }: ResolvedEvent): Recorded => ({
  revision: plain(event?.revision),
  type: event?.type,
  isJson: event?.isJson,
  data: event?.data instanceof Uint8Array ? plain(event.data) : event?.data,
  metadata: plain(event?.metadata),
  hasPosition: event?.position !== undefined,
  link: link ? { type: link.type, revision: plain(link.revision) } : undefined,
  commitPosition: commitPosition !== undefined,
});

/** All that a read yields, in recorded form. */
export const all = async (
  read: AsyncIterable<ResolvedEvent>,
  map: (resolved: ResolvedEvent) => unknown = shape,
): Promise<unknown[]> => {
  const out: unknown[] = [];
  for await (const resolved of read) out.push(map(resolved));
  return out;
};

/** What a subscription says, in recorded form, as it comes. */
export const listen = (subscription: AllStreamSubscription | StreamSubscription): unknown[] => {
  const heard: unknown[] = [];
  for (const signal of ['confirmation', 'caughtUp', 'fellBehind'] as const)
    subscription.on(signal, () => void heard.push(signal));
  subscription.on('error', (error) => void heard.push(failure(error)));
  subscription.on('data', (resolved: ResolvedEvent) => void heard.push(shape(resolved)));
  return heard;
};

/**
 * What a subscription says until it has said `count` things, and whatever it says beyond that while a round trip on the
 * same connection goes and comes; in recorded form.
 */
export const heardOf = async (
  scene: Scene,
  subscription: AllStreamSubscription | StreamSubscription,
  count: number,
): Promise<unknown[]> => {
  const heard = listen(subscription);
  await until(() => heard.length >= count);
  await all(scene.client.readAll({ maxCount: 1 }));
  await subscription.unsubscribe();
  return heard;
};

const typeOf = (item: unknown): unknown => (item as { type?: unknown }).type ?? item;

/** Only the types of events, and the signals. */
export const typesOnly = (heard: readonly unknown[]): unknown[] => heard.map(typeOf);

/** A played scenario as it stands in the recording. */
export const asRecorded = (value: Recorded, run: string): Recorded =>
  JSON.parse(
    (
      JSON.stringify(value, (_key, item: unknown) => (typeof item === 'bigint' ? `${item}n` : item)) ?? 'null'
    ).replaceAll(run, 'RUN'),
  );
