import { randomUUID } from 'node:crypto';
import type { EventStoreDBClient } from '@eventstore/db-client';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import streamsGrpc from '@eventstore/db-client/generated/streams_grpc_pb.js';
import type { StreamsClient } from '@eventstore/db-client/generated/streams_grpc_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import type { BatchAppendReq, BatchAppendResp, ReadResp } from '@eventstore/db-client/generated/streams_pb.js';
import type { CallOptions, ClientDuplexStream, ClientReadableStream, Metadata } from '@grpc/grpc-js';
import protobufEmpty from 'google-protobuf/google/protobuf/empty_pb.js';
import protobufTimestamp from 'google-protobuf/google/protobuf/timestamp_pb.js';
import { clientOf } from './store-client.js';
import { checkStoreUrl } from './store-url.js';

/** An event as the store has it, byte by byte; the client's own reads parse JSON, which loses how it was written. */
export interface RawEvent {
  readonly position: bigint;
  readonly stream: string;
  readonly revision: bigint;
  readonly id: string;
  readonly type: string;
  readonly contentType: string;
  readonly data: Uint8Array;
  readonly metadata: Uint8Array;
}

export type RawAppendOutcome =
  | { readonly kind: 'appended' }
  | { readonly kind: 'conflict' }
  /** The store's own name for why not. */
  | { readonly kind: 'refused'; readonly reason: string };

/** What the client keeps for itself (`protected` in its types): it knows connections, clusters, TLS and credentials. */
interface ClientInternals {
  GRPCStreamCreator<T>(
    client: typeof StreamsClient,
    name: string,
    create: (grpc: StreamsClient) => T,
  ): () => Promise<T>;
  callArguments(base: { requiresLeader?: boolean }, options: CallOptions): [Metadata, CallOptions];
}

const UNLIMITED = '18446744073709551615';
const APPEND_TIMEOUT_MS = 30_000;

const rawEvent = (response: ReadResp): RawEvent | undefined => {
  const recorded = response.getEvent()?.getEvent();
  if (recorded === undefined) return undefined;
  return {
    position: BigInt(recorded.getCommitPosition()),
    stream: Buffer.from(recorded.getStreamIdentifier()?.getStreamName_asU8() ?? []).toString('utf8'),
    revision: BigInt(recorded.getStreamRevision()),
    id: recorded.getId()?.getString() ?? '',
    type: recorded.getMetadataMap().get('type') ?? '',
    contentType: recorded.getMetadataMap().get('content-type') ?? 'application/octet-stream',
    data: recorded.getData_asU8(),
    metadata: recorded.getCustomMetadata_asU8(),
  };
};

/** One store, read and written as bytes; for moving logs, not for the application. */
export class RawStore {
  readonly client: EventStoreDBClient;

  constructor(url: string) {
    this.client = clientOf(checkStoreUrl(url));
  }

  /** `$all` from a position, whose event is included; from the start without one. */
  allForwards(from?: bigint): AsyncGenerator<RawEvent, void> {
    const all = new streams.ReadReq.Options.AllOptions();
    if (from === undefined) all.setStart(new shared.Empty());
    else
      all.setPosition(
        new streams.ReadReq.Options.Position().setCommitPosition(String(from)).setPreparePosition(String(from)),
      );
    return this.#read(new streams.ReadReq.Options().setAll(all).setReadDirection(0).setCount(UNLIMITED));
  }

  /** `$all` backwards: from a position, whose event is left out, or from the end. */
  allBackwards(from?: bigint): AsyncGenerator<RawEvent, void> {
    const all = new streams.ReadReq.Options.AllOptions();
    if (from === undefined) all.setEnd(new shared.Empty());
    else
      all.setPosition(
        new streams.ReadReq.Options.Position().setCommitPosition(String(from)).setPreparePosition(String(from)),
      );
    return this.#read(new streams.ReadReq.Options().setAll(all).setReadDirection(1).setCount(UNLIMITED));
  }

  /** The event of a stream at exactly this revision. */
  async eventAt(stream: string, revision: bigint): Promise<RawEvent | undefined> {
    const options = new streams.ReadReq.Options.StreamOptions()
      .setStreamIdentifier(new shared.StreamIdentifier().setStreamName(Buffer.from(stream, 'utf8')))
      .setRevision(String(revision));
    for await (const event of this.#read(
      new streams.ReadReq.Options().setStream(options).setReadDirection(0).setCount('1'),
    )) {
      return event.revision === revision ? event : undefined;
    }
    return undefined;
  }

  /** A call for many appends, taken by the store in the order in which they are given. */
  async openAppends(): Promise<RawAppends> {
    const call = await this.#internals.GRPCStreamCreator(streamsGrpc.StreamsClient, 'appendRaw', (grpc) =>
      grpc.batchAppend(...this.#internals.callArguments({ requiresLeader: true }, { deadline: Infinity })),
    )();
    return new RawAppends(call);
  }

  async close(): Promise<void> {
    await this.client.dispose();
  }

  get #internals(): ClientInternals {
    return this.client as unknown as ClientInternals;
  }

  async *#read(options: InstanceType<typeof streams.ReadReq.Options>): AsyncGenerator<RawEvent, void> {
    options
      .setResolveLinks(false)
      .setNoFilter(new shared.Empty())
      .setUuidOption(new streams.ReadReq.Options.UUIDOption().setString(new shared.Empty()));
    const request = new streams.ReadReq().setOptions(options);
    const call = await this.#internals.GRPCStreamCreator(streamsGrpc.StreamsClient, 'readRaw', (grpc) =>
      grpc.read(request, ...this.#internals.callArguments({ requiresLeader: true }, { deadline: Infinity })),
    )();
    try {
      for await (const response of call as ClientReadableStream<ReadResp> & AsyncIterable<ReadResp>) {
        const event = rawEvent(response);
        if (event !== undefined) yield event;
      }
    } finally {
      // A reader that stops early leaves the call open; its cancellation is no error of ours.
      call.on('error', () => undefined);
      call.cancel();
    }
  }
}

/**
 * Appends of single events over one call. When the call breaks, all that is pending rejects: it may or may not be
 * stored.
 */
export class RawAppends {
  readonly #pending = new Map<
    string,
    { resolve: (outcome: RawAppendOutcome) => void; reject: (error: Error) => void }
  >();
  #broken: Error | undefined;

  constructor(private readonly call: ClientDuplexStream<BatchAppendReq, BatchAppendResp>) {
    call.on('data', (response: BatchAppendResp) => this.#answer(response));
    call.on('error', (error: Error) => this.#break(error));
    call.on('end', () => this.#break(new Error('The store ended the call')));
  }

  /** Appends an event at the revision that it has. */
  append(event: RawEvent): Promise<RawAppendOutcome> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken);
    const correlationId = randomUUID();
    const options = new streams.BatchAppendReq.Options()
      .setStreamIdentifier(new shared.StreamIdentifier().setStreamName(Buffer.from(event.stream, 'utf8')))
      .setDeadline(protobufTimestamp.Timestamp.fromDate(new Date(Date.now() + APPEND_TIMEOUT_MS)));
    if (event.revision === 0n) options.setNoStream(new protobufEmpty.Empty());
    else options.setStreamPosition(String(event.revision - 1n));
    const message = new streams.BatchAppendReq.ProposedMessage()
      .setId(new shared.UUID().setString(event.id))
      .setData(event.data)
      .setCustomMetadata(event.metadata);
    message.getMetadataMap().set('type', event.type).set('content-type', event.contentType);
    return new Promise((resolve, reject) => {
      this.#pending.set(correlationId, { resolve, reject });
      this.call.write(
        new streams.BatchAppendReq()
          .setCorrelationId(new shared.UUID().setString(correlationId))
          .setOptions(options)
          .setProposedMessagesList([message])
          .setIsFinal(true),
      );
    });
  }

  close(): void {
    this.#break(new Error('The call is closed'));
    this.call.end();
  }

  #answer(response: BatchAppendResp): void {
    const correlationId = response.getCorrelationId()?.getString() ?? '';
    const pending = this.#pending.get(correlationId);
    this.#pending.delete(correlationId);
    const typeName = response.getError()?.getDetails()?.getTypeName();
    if (!response.hasError()) pending?.resolve({ kind: 'appended' });
    else if (typeName === 'event_store.client.WrongExpectedVersion') pending?.resolve({ kind: 'conflict' });
    else if (typeName === 'event_store.client.Timeout')
      pending?.reject(new Error('The store did not store an event in time'));
    else pending?.resolve({ kind: 'refused', reason: response.getError()?.getMessage() ?? 'no reason given' });
  }

  #break(error: Error): void {
    this.#broken ??= error;
    for (const { reject } of this.#pending.values()) reject(this.#broken);
    this.#pending.clear();
  }
}
