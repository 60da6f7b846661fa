import { randomUUID } from 'node:crypto';
import { EventStoreDBClient } from '@eventstore/db-client';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import type { AppendResp, BatchAppendResp, ReadResp } from '@eventstore/db-client/generated/streams_pb.js';
import streamsGrpc from '@eventstore/db-client/generated/streams_grpc_pb.js';
import type { StreamsClient } from '@eventstore/db-client/generated/streams_grpc_pb.js';
import { credentials } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestEventStore } from '#test-support/event-store.js';
import type { TestEventStore } from '#test-support/event-store.js';
import { event, events } from './contract/contract-store.js';
import { readUuid } from './grpc/wire-uuid.js';

// What the npm client never sends, but other clients of the protocol may.

let store: TestEventStore;
let client: EventStoreDBClient;
let grpc: StreamsClient;
beforeAll(async () => {
  store = await startTestEventStore();
  client = EventStoreDBClient.connectionString(store.url);
  grpc = new streamsGrpc.StreamsClient(store.url.replace(/^esdb:\/\/|\?.*$/g, ''), credentials.createInsecure());
});
afterAll(async () => {
  grpc.close();
  await client.dispose();
  await store.stop();
});

const { ReadReq, AppendReq, BatchAppendReq } = streams;
const streamName = (name: string): InstanceType<typeof shared.StreamIdentifier> =>
  new shared.StreamIdentifier().setStreamName(Buffer.from(name));
const empty = (): InstanceType<typeof shared.Empty> => new shared.Empty();

const read = (options: InstanceType<typeof ReadReq.Options>): Promise<ReadResp[]> =>
  new Promise((resolve, reject) => {
    const responses: ReadResp[] = [];
    const call = grpc.read(new ReadReq().setOptions(options));
    call.on('data', (response: ReadResp) => responses.push(response));
    call.on('error', reject);
    call.on('end', () => resolve(responses));
  });

const typesIn = (responses: readonly ReadResp[]): (string | undefined)[] =>
  responses.map((response) => response.getEvent()?.getEvent()?.getMetadataMap().get('type'));

describe('a read of $all with a filter', () => {
  const options = (direction: 0 | 1, count: string): InstanceType<typeof ReadReq.Options> => {
    const all = new ReadReq.Options.AllOptions();
    const expression = new ReadReq.Options.FilterOptions.Expression().setPrefixList(['E1', 'E3']);
    return new ReadReq.Options()
      .setAll(direction === 0 ? all.setStart(empty()) : all.setEnd(empty()))
      .setReadDirection(direction)
      .setCount(count)
      .setFilter(
        new ReadReq.Options.FilterOptions().setEventType(expression).setMax(32).setCheckpointintervalmultiplier(1),
      );
  };

  it('yields what the filter lets through, both ways, up to the limit', async () => {
    await client.appendToStream('filtered', events(5));
    expect(typesIn(await read(options(0, '10')))).toEqual(['E1', 'E3']);
    expect(typesIn(await read(options(1, '10')))).toEqual(['E3', 'E1']);
    expect(typesIn(await read(options(0, '1')))).toEqual(['E1']);
  });
});

it('ids come as two numbers for a client that asks for that', async () => {
  const id = randomUUID();
  await client.appendToStream('structured', event('A', {}, id));
  const [response] = await read(
    new ReadReq.Options()
      .setStream(new ReadReq.Options.StreamOptions().setStreamIdentifier(streamName('structured')).setStart(empty()))
      .setCount('1')
      .setNoFilter(empty())
      .setUuidOption(new ReadReq.Options.UUIDOption().setStructured(empty())),
  );
  const uuid = response?.getEvent()?.getEvent()?.getId();
  expect(uuid?.hasStructured()).toBe(true);
  expect(readUuid(uuid)).toBe(id);
});

describe('a single append', () => {
  const append = (messages: readonly InstanceType<typeof AppendReq>[]): Promise<AppendResp | ServiceError> =>
    new Promise((resolve) => {
      const call = grpc.append((error, response) => resolve(error ?? response));
      // A refusal may come while the rest is still being sent.
      call.on('error', () => undefined);
      for (const message of messages) call.write(message);
      call.end();
    });
  const options = (): InstanceType<typeof AppendReq> =>
    new AppendReq().setOptions(new AppendReq.Options().setStreamIdentifier(streamName('single')).setAny(empty()));
  const proposed = (metadata: Readonly<Record<string, string>>): InstanceType<typeof AppendReq> => {
    const message = new AppendReq.ProposedMessage().setId(new shared.UUID().setString(randomUUID()));
    for (const [name, value] of Object.entries(metadata)) message.getMetadataMap().set(name, value);
    return new AppendReq().setProposedMessage(message);
  };

  it.each([
    ['type', { 'content-type': 'application/json' }],
    ['content-type', { type: 'A' }],
  ])('without %s is refused with the trailers of the typed error', async (_missing, metadata) => {
    const refusal = (await append([options(), proposed(metadata)])) as ServiceError;
    expect(refusal.code).toBe(3);
    expect(refusal.metadata.getMap()).toMatchObject({
      exception: 'missing-required-metadata-property',
      'required-metadata-properties': 'type,content-type',
    });
  });

  it.each([
    ['with an empty type', () => [options(), proposed({ type: '', 'content-type': 'application/json' })]],
    ['without options', () => [proposed({ type: 'A', 'content-type': 'application/json' })]],
    ['of no message at all', () => []],
    ['with options twice', () => [options(), options()]],
  ])('%s is an invalid argument', async (_title, messages) => {
    expect(((await append(messages())) as ServiceError).code).toBe(3);
  });
});

describe('an append of a batch call', () => {
  const batch = (request: InstanceType<typeof BatchAppendReq>): Promise<BatchAppendResp> =>
    new Promise((resolve, reject) => {
      const call = grpc.batchAppend();
      call.on('data', (response: BatchAppendResp) => {
        resolve(response);
        call.end();
      });
      call.on('error', reject);
      call.write(request.setCorrelationId(new shared.UUID().setString(randomUUID())).setIsFinal(true));
    });

  it.each([
    ['no stream name', new BatchAppendReq.Options()],
    ['no expected revision', new BatchAppendReq.Options().setStreamIdentifier(streamName('batch'))],
  ])('with %s is answered as a bad request', async (_title, options) => {
    const response = await batch(new BatchAppendReq().setOptions(options));
    expect(response.getError()?.getDetails()?.getTypeName()).toBe('event_store.client.BadRequest');
    expect(response.hasStreamIdentifier()).toBe(true);
  });

  it('whose event has no id is answered as a bad request, and the call goes on', async () => {
    const options = new BatchAppendReq.Options().setStreamIdentifier(streamName('batch')).setAny(empty() as never);
    const message = new BatchAppendReq.ProposedMessage();
    message.getMetadataMap().set('type', 'A').set('content-type', 'application/json');
    const response = await batch(new BatchAppendReq().setOptions(options).setProposedMessagesList([message]));
    expect(response.getError()?.getDetails()?.getTypeName()).toBe('event_store.client.BadRequest');
    expect(await client.appendToStream('batch', event('A'))).toMatchObject({ nextExpectedRevision: 0n });
  });
});
