import { createHash } from 'node:crypto';
import { connect as connectHttp2, constants } from 'node:http2';
import type { ClientHttp2Session, OutgoingHttpHeaders } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { gzipSync } from 'node:zlib';
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createTestDatabase } from '#test-support/database.js';
import type { TestDatabase } from '#test-support/database.js';
import { startEventStoreProcess } from '#test-support/event-store-process.js';
import type { EventStoreProcess } from '#test-support/event-store-process.js';

const CALLS = 10_000;
const PARALLEL = 100;
const CALLS_PER_CONNECTION = 50;
const SEED = process.env.FUZZ_SEED ?? 'ligature';

let database: TestDatabase;
let node: EventStoreProcess;
beforeAll(async () => {
  database = await createTestDatabase();
  node = await startEventStoreProcess({ databaseUrl: database.urls.ligature_event_store });
});
afterAll(async () => {
  node.kill('SIGTERM');
  await node.ended;
  await database.drop();
});

/** Numbers in [0, 1) that follow from the seed. */
const randomFrom = (seed: string): (() => number) => {
  let block = Buffer.alloc(0);
  let counter = 0;
  return () => {
    if (block.length < 4) block = createHash('sha256').update(`${seed} ${counter++}`).digest();
    const value = block.readUInt32BE(0) / 2 ** 32;
    block = block.subarray(4);
    return value;
  };
};
const random = randomFrom(SEED);
const below = (n: number): number => Math.floor(random() * n);
const pick = <T>(values: readonly T[]): T => values[below(values.length)] as T;
const bytes = (length: number): Buffer => Buffer.from(Array.from({ length }, () => below(256)));

const STREAMS = '/event_store.client.streams.Streams';
const METHODS = [
  `${STREAMS}/Read`,
  `${STREAMS}/Append`,
  `${STREAMS}/BatchAppend`,
  `${STREAMS}/Delete`,
  `${STREAMS}/Tombstone`,
  '/event_store.client.gossip.Gossip/Read',
  '/event_store.client.server_features.ServerFeatures/GetSupportedMethods',
  '/event_store.client.persistent_subscriptions.PersistentSubscriptions/Create',
  '/event_store.client.streams.Streams/Nothing',
  '/',
  '/no.such.Service/Method',
];

const NAMES = ['', 's', '$all', '$$', '$$s', 'ü😀', 'nul\u0000', 'x'.repeat(5_000), 'fuzz-1', 'fuzz-2'];
const NUMBERS = ['0', '1', '9223372036854775807', '18446744073709551615', '63', '64', '128'];
const SIGNED = ['0', '-1', '9223372036854775807', '-9223372036854775808'];
const REGEXES = [
  '(a+)+$',
  '((a{1,1000}){1,1000}){1,1000}',
  '(?<=x)y',
  '[',
  '\\',
  '(',
  'a'.repeat(2_000),
  '(?:(?:a?){500}){500}a{500}',
  '^[^$].*',
  '\\C',
  '',
];
const UUIDS = ['', 'no uuid', '00000000-0000-0000-0000-000000000000', 'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF'];

const identifier = (): InstanceType<typeof shared.StreamIdentifier> =>
  new shared.StreamIdentifier().setStreamName(random() < 0.2 ? bytes(below(40)) : Buffer.from(pick(NAMES)));

const uuid = (): InstanceType<typeof shared.UUID> =>
  random() < 0.5
    ? new shared.UUID().setString(pick(UUIDS))
    : new shared.UUID().setStructured(
        new shared.UUID.Structured().setMostSignificantBits(pick(SIGNED)).setLeastSignificantBits(pick(SIGNED)),
      );

const expectation = (options: {
  setNoStream(v: never): unknown;
  setAny(v: never): unknown;
  setStreamExists(v: never): unknown;
}): void => {
  const empty = new shared.Empty() as never;
  const choice = below(4);
  if (choice === 0) options.setNoStream(empty);
  else if (choice === 1) options.setAny(empty);
  else if (choice === 2) options.setStreamExists(empty);
};

const event = (message: InstanceType<typeof streams.BatchAppendReq.ProposedMessage>): typeof message => {
  if (random() < 0.8) message.setId(uuid());
  if (random() < 0.8)
    message.getMetadataMap().set('type', pick(['', 'T', 'nul\u0000', '$metadata', '$>', 'x'.repeat(3_000)]));
  if (random() < 0.8)
    message
      .getMetadataMap()
      .set('content-type', pick(['', 'application/json', 'application/octet-stream', 'text/html']));
  if (random() < 0.1) message.setData(bytes(200));
  return message.setCustomMetadata(bytes(below(10)));
};

const readRequest = (): Buffer => {
  const options = new streams.ReadReq.Options();
  if (random() < 0.6) {
    const stream = new streams.ReadReq.Options.StreamOptions();
    if (random() < 0.9) stream.setStreamIdentifier(identifier());
    if (random() < 0.6) stream.setRevision(pick(NUMBERS));
    else stream.setEnd(new shared.Empty());
    options.setStream(stream);
  } else if (random() < 0.9) {
    const all = new streams.ReadReq.Options.AllOptions();
    if (random() < 0.6) {
      all.setPosition(
        new streams.ReadReq.Options.Position().setCommitPosition(pick(NUMBERS)).setPreparePosition(pick(NUMBERS)),
      );
    }
    options.setAll(all);
  }
  if (random() < 0.5) options.setCount(pick(NUMBERS));
  else if (random() < 0.8) options.setSubscription(new streams.ReadReq.Options.SubscriptionOptions());
  options.setReadDirection(pick([0, 1, 7]) as 0);
  options.setResolveLinks(random() < 0.5);
  if (random() < 0.5) options.setUuidOption(new streams.ReadReq.Options.UUIDOption().setStructured(new shared.Empty()));
  if (random() < 0.6) {
    const expression = new streams.ReadReq.Options.FilterOptions.Expression();
    if (random() < 0.7) expression.setRegex(pick(REGEXES));
    else expression.setPrefixList([pick(NAMES)]);
    const filter = new streams.ReadReq.Options.FilterOptions().setCheckpointintervalmultiplier(
      pick([0, 1, 4294967295]),
    );
    if (random() < 0.8) filter.setStreamIdentifier(expression);
    if (random() < 0.5) filter.setMax(pick([0, 1, 4294967295]));
    options.setFilter(filter);
  }
  return Buffer.from(new streams.ReadReq().setOptions(options).serializeBinary());
};

const appendRequest = (): Buffer => {
  const request = new streams.AppendReq();
  if (random() < 0.5) {
    const options = new streams.AppendReq.Options().setStreamIdentifier(identifier());
    expectation(options);
    if (random() < 0.3) options.setRevision(pick(NUMBERS));
    request.setOptions(options);
  } else if (random() < 0.8) request.setProposedMessage(event(new streams.AppendReq.ProposedMessage()));
  return Buffer.from(request.serializeBinary());
};

const batchRequest = (): Buffer => {
  const request = new streams.BatchAppendReq().setIsFinal(random() < 0.8);
  if (random() < 0.8) request.setCorrelationId(uuid());
  if (random() < 0.8) {
    const options = new streams.BatchAppendReq.Options();
    if (random() < 0.9) options.setStreamIdentifier(identifier());
    expectation(options);
    if (random() < 0.3) options.setStreamPosition(pick(NUMBERS));
    request.setOptions(options);
  }
  for (let n = below(4); n > 0; n--) request.addProposedMessages(event(new streams.BatchAppendReq.ProposedMessage()));
  return Buffer.from(request.serializeBinary());
};

const deleteRequest = (): Buffer => {
  const options = new streams.DeleteReq.Options();
  // Named streams of the liveness check are never deleted.
  if (random() < 0.9) options.setStreamIdentifier(identifier());
  expectation(options);
  if (random() < 0.3) options.setRevision(pick(NUMBERS));
  return Buffer.from(new streams.DeleteReq().setOptions(random() < 0.9 ? options : undefined).serializeBinary());
};

const wellFormed = (path: string): Buffer => {
  if (path.endsWith('Streams/Read')) return readRequest();
  if (path.endsWith('/Append')) return appendRequest();
  if (path.endsWith('BatchAppend')) return batchRequest();
  if (path.endsWith('Delete') || path.endsWith('Tombstone')) return deleteRequest();
  return Buffer.alloc(0);
};

/** Flips, cuts or repeats some bytes. */
const mutated = (message: Buffer): Buffer => {
  if (message.length === 0) return bytes(below(20));
  const copy = Buffer.from(message);
  for (let n = 1 + below(4); n > 0; n--) copy[below(copy.length)] = below(256);
  const choice = random();
  if (choice < 0.3) return copy.subarray(0, below(copy.length));
  return choice < 0.5 ? Buffer.concat([copy, copy]) : copy;
};

const framed = (message: Buffer): Buffer => {
  const prefix = Buffer.alloc(5);
  const choice = random();
  const body = choice < 0.05 ? gzipSync(message) : message;
  prefix.writeUInt8(choice < 0.1 ? 1 : choice < 0.12 ? 255 : 0, 0);
  prefix.writeUInt32BE(choice > 0.97 ? 0xffffffff : choice > 0.93 ? body.length + 7 : body.length, 1);
  return Buffer.concat([prefix, body]);
};

const body = (path: string): Buffer => {
  const choice = random();
  if (choice < 0.1) return bytes(below(300));
  if (choice < 0.2) return framed(bytes(below(300)));
  const messages = Array.from({ length: 1 + below(3) }, () =>
    random() < 0.5 ? wellFormed(path) : mutated(wellFormed(path)),
  );
  return Buffer.concat(messages.map(framed));
};

const headers = (path: string): OutgoingHttpHeaders => ({
  ':method': random() < 0.97 ? 'POST' : pick(['GET', 'PUT', 'OPTIONS']),
  ':path': path,
  te: 'trailers',
  'content-type':
    random() < 0.95 ? 'application/grpc' : pick(['text/plain', 'application/grpc+json', 'application/grpc-web']),
  ...(random() < 0.1 ? { 'grpc-timeout': pick(['1m', '0n', 'x', '99999999999H', '-1S', '5']) } : {}),
  ...(random() < 0.1 ? { 'grpc-encoding': pick(['gzip', 'deflate', 'br', '']) } : {}),
  ...(random() < 0.05 ? { authorization: pick(['Basic', 'Basic ====', 'Bearer x', 'Basic eDp5']) } : {}),
  ...(random() < 0.02 ? { 'some-bin': '*not base64*' } : {}),
});

const RESETS = [
  constants.NGHTTP2_CANCEL,
  constants.NGHTTP2_PROTOCOL_ERROR,
  constants.NGHTTP2_INTERNAL_ERROR,
  constants.NGHTTP2_REFUSED_STREAM,
  255,
];

type Ending =
  | { readonly kind: 'end' }
  | { readonly kind: 'destroy' }
  | { readonly kind: 'reset'; readonly after: number; readonly code: number };

/** A call as it will be sent. */
interface Call {
  readonly headers: OutgoingHttpHeaders;
  readonly body: Buffer;
  readonly ending: Ending;
}

const makeCall = (): Call => {
  const path = pick(METHODS);
  const sent = body(path);
  const choice = random();
  return {
    headers: headers(path),
    body: sent,
    ending:
      choice < 0.1
        ? { kind: 'reset', after: below(sent.length + 1), code: pick(RESETS) }
        : choice < 0.12
          ? { kind: 'destroy' }
          : { kind: 'end' },
  };
};

/** Bytes that are not HTTP/2 at all. */
const makeGarbage = (): Buffer => {
  const choice = random();
  if (choice < 0.3) return Buffer.from('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  return Buffer.concat([Buffer.from(choice < 0.7 ? 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' : ''), bytes(below(200))]);
};

/**
 * Sends one call; settles with its gRPC status when it is over. Calls that stay open, as subscriptions do, are given
 * up.
 */
const send = (session: ClientHttp2Session, call: Call): Promise<string> =>
  new Promise((resolve) => {
    const request = session.request(call.headers);
    const giveUp = setTimeout(() => request.close(constants.NGHTTP2_CANCEL), 200);
    let status = 'none';
    request.on('response', (response) => (status = String(response['grpc-status'] ?? status)));
    request.on('trailers', (trailers) => (status = String(trailers['grpc-status'] ?? status)));
    request.on('data', () => undefined);
    request.on('error', () => undefined);
    request.on('close', () => {
      clearTimeout(giveUp);
      resolve(status);
    });
    const { ending } = call;
    if (ending.kind === 'end') request.end(call.body);
    else {
      request.write(ending.kind === 'reset' ? call.body.subarray(0, ending.after) : call.body);
      setImmediate(() => (ending.kind === 'reset' ? request.close(ending.code) : request.destroy()));
    }
  });

const sendGarbage = (garbage: Buffer): Promise<void> =>
  new Promise((resolve) => {
    const socket = connectTcp(node.port, '127.0.0.1', () => socket.end(garbage));
    socket.setTimeout(500, () => socket.destroy());
    socket.on('data', () => undefined);
    socket.on('error', () => undefined);
    socket.on('close', () => resolve());
  });

const residentBytes = async (): Promise<number> => {
  const metrics = await (await fetch(`http://127.0.0.1:${node.managementPort}/metrics`)).text();
  return Number(/^process_resident_memory_bytes (\S+)$/m.exec(metrics)?.[1]);
};

it(`E2: ${CALLS} malformed calls leave the process up and serving (seed ${SEED})`, async () => {
  let ended: unknown;
  void node.ended.then((how) => (ended = how));
  const calls = Array.from({ length: CALLS }, makeCall);
  const garbage = Array.from({ length: CALLS / 20 }, makeGarbage);
  const statuses = new Set<string>();
  const worker = async (): Promise<void> => {
    while (calls.length > 0 && ended === undefined) {
      const session = connectHttp2(`http://127.0.0.1:${node.port}`);
      session.on('error', () => undefined);
      for (const call of calls.splice(0, CALLS_PER_CONNECTION)) {
        if (!session.destroyed && !session.closed) statuses.add(await send(session, call));
      }
      for (const bytes of garbage.splice(0, 2)) await sendGarbage(bytes);
      session.destroy();
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  expect({ ended, output: node.output() }).toEqual({ ended: undefined, output: '' });
  // The calls reached the handlers: some were well-formed enough to succeed, some were refused by name.
  expect([...statuses]).toEqual(expect.arrayContaining(['0', '3', '12', '13']));
  const client = EventStoreDBClient.connectionString(node.url);
  const { nextExpectedRevision } = await client.appendToStream(
    'after-the-storm',
    jsonEvent({ type: 'StillServing', data: {} }),
  );
  expect(nextExpectedRevision).toBe(0n);
  await client.dispose();
  expect(await residentBytes()).toBeLessThan(600 * 1024 * 1024);
}, 120_000);
