import { randomUUID } from 'node:crypto';
import {
  ANY,
  BACKWARDS,
  END,
  EventStoreDBClient,
  FORWARDS,
  NO_STREAM,
  START,
  STREAM_EXISTS,
  binaryEvent,
  eventTypeFilter,
  excludeSystemEvents,
  streamNameFilter,
} from '@eventstore/db-client';
import type { AppendExpectedRevision, Position } from '@eventstore/db-client';
import { until } from './contract-store.js';
import { all, appended, ev, heardOf, linkTo, listen, plain, tried, typesOnly } from './recording.js';
import type { Recorded, RecordedScenario, Scene } from './recording.js';

const scenarios: RecordedScenario[] = [];
const scenario = (name: string, play: (scene: Scene) => Promise<Recorded>): void => void scenarios.push({ name, play });

const five = ({ client, stream }: Scene): Promise<unknown> =>
  client.appendToStream(
    stream,
    [0, 1, 2, 3, 4].map((n) => ev(`T${n}`, { n })),
  );

/**
 * The scenarios that were recorded on a real EventStoreDB, in their order, by the names that their answers have in the
 * recording.
 */
export const RECORDED_SCENARIOS: readonly RecordedScenario[] = scenarios;

scenario('append new stream, no_stream', ({ client, stream }) =>
  appended(client.appendToStream(stream, [ev('A'), ev('B')], { expectedRevision: NO_STREAM })),
);
scenario('append no_stream on existing', async ({ client, stream }) => {
  await client.appendToStream(stream, ev('A'));
  return appended(client.appendToStream(stream, ev('B'), { expectedRevision: NO_STREAM }));
});
scenario('append exact on missing', ({ client, stream }) =>
  appended(client.appendToStream(stream, ev('A'), { expectedRevision: 0n })),
);
scenario('append exact too high', async ({ client, stream }) => {
  await client.appendToStream(stream, ev('A'));
  return appended(client.appendToStream(stream, ev('B'), { expectedRevision: 7n }));
});
scenario('append exact too low', async ({ client, stream }) => {
  await client.appendToStream(stream, [ev('A'), ev('B')]);
  return appended(client.appendToStream(stream, ev('C'), { expectedRevision: 0n }));
});
scenario('append stream_exists on missing', ({ client, stream }) =>
  appended(client.appendToStream(stream, ev('A'), { expectedRevision: STREAM_EXISTS })),
);
scenario('append stream_exists on existing', async ({ client, stream }) => {
  await client.appendToStream(stream, ev('A'));
  return appended(client.appendToStream(stream, ev('B'), { expectedRevision: STREAM_EXISTS }));
});
scenario('append empty list any', ({ client, stream }) => appended(client.appendToStream(stream, [])));
scenario('append empty list exact', async ({ client, stream }) => {
  await client.appendToStream(stream, ev('A'));
  return appended(client.appendToStream(stream, [], { expectedRevision: 0n }));
});
const RETRIES: readonly (readonly [name: string, expectedRevision: AppendExpectedRevision])[] = [
  ['any', ANY],
  ['no_stream', NO_STREAM],
  ['exact', 0n],
];
for (const [name, expectedRevision] of RETRIES) {
  scenario(`idempotent retry of one event, ${name}`, async ({ client, stream }) => {
    if (name === 'exact') await client.appendToStream(stream, ev('Zero'));
    const event = ev('A');
    const first = await appended(client.appendToStream(stream, event, { expectedRevision }));
    const second = await tried(() => appended(client.appendToStream(stream, event, { expectedRevision })));
    return { first, second, stream: await all(client.readStream(stream)) };
  });
}
scenario('idempotent retry of a batch', async ({ client, stream }) => {
  const batch = [ev('A'), ev('B'), ev('C')];
  const f = await appended(client.appendToStream(stream, batch, { expectedRevision: NO_STREAM }));
  const again = await tried(() => appended(client.appendToStream(stream, batch, { expectedRevision: NO_STREAM })));
  return { f, again, n: (await all(client.readStream(stream))).length };
});
scenario('idempotent retry after later events', async ({ client, stream }) => {
  const a = ev('A');
  await client.appendToStream(stream, a, { expectedRevision: NO_STREAM });
  await client.appendToStream(stream, ev('B'), { expectedRevision: 0n });
  const again = await tried(() => appended(client.appendToStream(stream, a, { expectedRevision: NO_STREAM })));
  return { again, n: (await all(client.readStream(stream))).length };
});
scenario('batch overlapping at its head', async ({ client, stream }) => {
  const [a, b, c] = [ev('A'), ev('B'), ev('C')];
  await client.appendToStream(stream, [a, b], { expectedRevision: NO_STREAM });
  const again = await tried(() => appended(client.appendToStream(stream, [a, b, c], { expectedRevision: NO_STREAM })));
  return { again, n: (await all(client.readStream(stream))).length };
});
scenario('batch overlapping at its tail', async ({ client, stream }) => {
  const [a, b, c] = [ev('A'), ev('B'), ev('C')];
  await client.appendToStream(stream, [a, b], { expectedRevision: NO_STREAM });
  const again = await tried(() => appended(client.appendToStream(stream, [b, c], { expectedRevision: 0n })));
  const anyExpected = await tried(() => appended(client.appendToStream(stream, [b, c])));
  return { again, anyExpected, n: (await all(client.readStream(stream))).length };
});
scenario('same event id twice in one batch', async ({ client, stream }) => {
  const a = ev('A');
  const r = await tried(() => appended(client.appendToStream(stream, [a, a])));
  return { r, n: await tried(() => all(client.readStream(stream))) };
});
scenario('same event id, other stream', async ({ client, stream }) => {
  const a = ev('A');
  await client.appendToStream(stream, a);
  return appended(client.appendToStream(`${stream}x`, a));
});
scenario('same id, other payload', async ({ client, stream }) => {
  const id = randomUUID();
  await client.appendToStream(stream, ev('A', { n: 1 }, id), { expectedRevision: NO_STREAM });
  const r = await tried(() =>
    appended(client.appendToStream(stream, ev('A', { n: 2 }, id), { expectedRevision: NO_STREAM })),
  );
  return { r, s: await all(client.readStream(stream)) };
});
scenario('same id again at the current revision', async ({ client, stream }) => {
  const id = randomUUID();
  await client.appendToStream(stream, ev('A', { n: 1 }, id), { expectedRevision: NO_STREAM });
  const exact = await tried(() =>
    appended(client.appendToStream(stream, ev('A', { n: 2 }, id), { expectedRevision: 0n })),
  );
  const any = await tried(() => appended(client.appendToStream(stream, ev('A', { n: 3 }, id))));
  const exists = await tried(() =>
    appended(client.appendToStream(stream, ev('A', { n: 4 }, id), { expectedRevision: STREAM_EXISTS })),
  );
  return { exact, any, exists, s: await all(client.readStream(stream)) };
});
scenario('retry with any after many later events', async ({ client, stream }) => {
  const a = ev('A');
  await client.appendToStream(stream, a);
  for (let n = 0; n < 5; n++)
    await client.appendToStream(
      stream,
      Array.from({ length: 200 }, () => ev('Later')),
    );
  const again = await tried(() => appended(client.appendToStream(stream, a)));
  return { again, n: (await all(client.readStream(stream))).length };
});
scenario('conflict with throwOnAppendFailure false', async ({ client, stream }) => {
  await client.appendToStream(stream, ev('A'));
  // The option is one of the connection; given with the append it means nothing.
  const options = { expectedRevision: 9n, throwOnAppendFailure: false };
  return plain(await client.appendToStream(stream, ev('B'), options));
});
scenario('binary and empty payloads', async ({ client, stream }) => {
  await client.appendToStream(stream, [
    binaryEvent({ type: 'Bin', data: Buffer.from([0, 1, 255]) }),
    binaryEvent({ type: 'Empty', data: new Uint8Array(0) }),
    ev('Json', { a: 'ü😀' }, randomUUID(), { $correlationId: 'c', m: 1 }),
  ]);
  return all(client.readStream(stream));
});
scenario('unicode stream name', async ({ client, stream }) => {
  const name = `${stream}-ü 😀/%`;
  await client.appendToStream(name, ev('A'));
  return all(client.readStream(name));
});
scenario('append size limit', ({ client, stream }) =>
  appended(client.appendToStream(stream, ev('Big', { x: 'x'.repeat(1_100_000) }))),
);
scenario('append to system stream', ({ client, stream }) => appended(client.appendToStream(`$${stream}`, ev('A'))));
scenario('read missing', ({ client, stream }) => all(client.readStream(stream)));
scenario('read forwards from start, limit', async (scene) => {
  await five(scene);
  return all(scene.client.readStream(scene.stream, { direction: FORWARDS, fromRevision: START, maxCount: 2 }));
});
scenario('read backwards from end, limit', async (scene) => {
  await five(scene);
  return all(scene.client.readStream(scene.stream, { direction: BACKWARDS, fromRevision: END, maxCount: 2 }));
});
scenario('read forwards from revision', async (scene) => {
  await five(scene);
  return all(scene.client.readStream(scene.stream, { fromRevision: 3n }));
});
scenario('read backwards from revision', async (scene) => {
  await five(scene);
  return all(scene.client.readStream(scene.stream, { direction: BACKWARDS, fromRevision: 1n }));
});
scenario('read forwards beyond end', async (scene) => {
  await five(scene);
  return all(scene.client.readStream(scene.stream, { fromRevision: 99n }));
});
scenario('read backwards from beyond end', async (scene) => {
  await five(scene);
  return all(scene.client.readStream(scene.stream, { direction: BACKWARDS, fromRevision: 99n, maxCount: 2 }));
});
scenario('read forwards from end', async (scene) => {
  await five(scene);
  return all(scene.client.readStream(scene.stream, { fromRevision: END }));
});
scenario('soft delete then read, append, read', async (scene) => {
  const { client, stream } = scene;
  await five(scene);
  const d = Object.keys(await client.deleteStream(stream));
  const r1 = await tried(() => all(client.readStream(stream)));
  const a = await tried(() => appended(client.appendToStream(stream, ev('Again'))));
  const r2 = await all(client.readStream(stream));
  const { metadata, metastreamRevision } = await client.getStreamMetadata(stream);
  return { d, r1, a, r2, meta: plain(metadata), metaRevisionKind: typeof metastreamRevision };
});
scenario('soft delete, append no_stream', async (scene) => {
  await five(scene);
  await scene.client.deleteStream(scene.stream);
  return appended(scene.client.appendToStream(scene.stream, ev('Again'), { expectedRevision: NO_STREAM }));
});
scenario('soft delete, append at old revision', async (scene) => {
  await five(scene);
  await scene.client.deleteStream(scene.stream);
  return appended(scene.client.appendToStream(scene.stream, ev('Again'), { expectedRevision: 4n }));
});
scenario('soft delete missing', async ({ client, stream }) => plain(await client.deleteStream(stream)));
scenario('soft delete wrong revision', async (scene) => {
  await five(scene);
  return plain(await scene.client.deleteStream(scene.stream, { expectedRevision: 1n }));
});
scenario('soft delete twice', async (scene) => {
  await five(scene);
  await scene.client.deleteStream(scene.stream);
  return tried(async () => Object.keys(await scene.client.deleteStream(scene.stream)));
});
scenario('tombstone then read, append, delete', async (scene) => {
  const { client, stream } = scene;
  await five(scene);
  await client.tombstoneStream(stream);
  return {
    read: await tried(() => all(client.readStream(stream))),
    append: await tried(() => appended(client.appendToStream(stream, ev('A')))),
    del: await tried(() => client.deleteStream(stream)),
    tomb: await tried(() => client.tombstoneStream(stream)),
    sub: await heardOf(scene, client.subscribeToStream(stream), 1),
  };
});
scenario('tombstone missing', async ({ client, stream }) => Object.keys(await client.tombstoneStream(stream)));
scenario('metadata round trip', async (scene) => {
  const { client, stream } = scene;
  await five(scene);
  const w = await appended(client.setStreamMetadata(stream, { maxCount: 2, custom: { a: 1 } }));
  const m = await client.getStreamMetadata(stream);
  return {
    w,
    m: plain(m.metadata),
    revKind: typeof m.metastreamRevision,
    read: await all(client.readStream(stream)),
    back: await all(client.readStream(stream, { direction: BACKWARDS, fromRevision: END })),
    metaStream: await all(client.readStream(`$$${stream}`)),
  };
});
scenario('metadata of missing stream', async ({ client, stream }) => {
  const m = await client.getStreamMetadata(stream);
  return { m: plain(m.metadata), rev: plain(m.metastreamRevision) ?? null };
});
scenario('truncateBefore', async (scene) => {
  const { client, stream } = scene;
  await five(scene);
  await client.setStreamMetadata(stream, { truncateBefore: 3 });
  return {
    f: await all(client.readStream(stream)),
    fromOne: await all(client.readStream(stream, { fromRevision: 1n, maxCount: 1 })),
    b: await all(client.readStream(stream, { direction: BACKWARDS, fromRevision: END })),
  };
});
scenario('truncateBefore beyond the end', async (scene) => {
  await five(scene);
  await scene.client.setStreamMetadata(scene.stream, { truncateBefore: 99 });
  return tried(() => all(scene.client.readStream(scene.stream)));
});
scenario('maxAge', async (scene) => {
  await five(scene);
  await scene.client.setStreamMetadata(scene.stream, { maxAge: 1 });
  await until(async () => (await all(scene.client.readStream(scene.stream))).length === 0);
  return tried(() => all(scene.client.readStream(scene.stream)));
});
scenario('link resolution', async (scene) => {
  const { client, stream } = scene;
  await five(scene);
  const links = `${stream}-links`;
  await client.appendToStream(links, linkTo(1, stream));
  return {
    resolved: await all(client.readStream(links, { resolveLinkTos: true })),
    raw: await all(client.readStream(links)),
  };
});
scenario('first of $all', ({ client }) =>
  all(client.readAll({ direction: FORWARDS, fromPosition: START, maxCount: 1 }), ({ event }) => ({
    system: event?.streamId.startsWith('$'),
  })),
);
scenario('$all backwards, own events', async (scene) => {
  await five(scene);
  return all(scene.client.readAll({ direction: BACKWARDS, fromPosition: END, maxCount: 3 }), ({ event }) => ({
    own: event?.streamId === scene.stream,
    type: event?.type,
    pos: typeof event?.position?.commit,
    order: event?.position?.commit === event?.position?.prepare,
  }));
});
scenario('stream read position equals $all position', async ({ client, stream }) => {
  const a = await client.appendToStream(stream, ev('A'));
  const [r] = (await all(client.readStream(stream), ({ event }) => event?.position)) as Position[];
  return {
    append: a.position ? typeof a.position.commit : null,
    onRead: r ? { equal: r.commit === a.position?.commit } : null,
  };
});
scenario('$all from a position includes it', async ({ client, stream }) => {
  const a = await client.appendToStream(stream, [ev('A'), ev('B')]);
  const read = await all(client.readAll({ fromPosition: a.position ?? START, maxCount: 5 }), ({ event }) => event);
  return (read as { streamId: string; type: string }[])
    .filter(({ streamId }) => streamId === stream)
    .map(({ type }) => type);
});
scenario('subscribe stream from start', async (scene) => {
  await five(scene);
  return heardOf(scene, scene.client.subscribeToStream(scene.stream), 7);
});
scenario('subscribe stream from revision 1', async (scene) => {
  await five(scene);
  return heardOf(scene, scene.client.subscribeToStream(scene.stream, { fromRevision: 1n }), 5);
});
scenario('subscribe stream from end, then append', async (scene) => {
  await five(scene);
  const subscription = scene.client.subscribeToStream(scene.stream, { fromRevision: END });
  const caughtUp = new Promise((resolve) => subscription.once('caughtUp', resolve));
  const heard = heardOf(scene, subscription, 3);
  await caughtUp;
  await scene.client.appendToStream(scene.stream, ev('New'));
  return heard;
});
scenario('subscribe missing stream, then append', async (scene) => {
  const subscription = scene.client.subscribeToStream(scene.stream);
  const confirmed = new Promise((resolve) => subscription.once('confirmation', resolve));
  const heard = heardOf(scene, subscription, 3);
  await confirmed;
  await scene.client.appendToStream(scene.stream, ev('New'));
  return heard;
});
scenario('subscribe stream then tombstone', async (scene) => {
  await five(scene);
  const subscription = scene.client.subscribeToStream(scene.stream);
  const caughtUp = new Promise((resolve) => subscription.once('caughtUp', resolve));
  const heard = heardOf(scene, subscription, 9);
  await caughtUp;
  await scene.client.tombstoneStream(scene.stream);
  return heard;
});
scenario('subscribe $all by stream prefix from a position', async (scene) => {
  const { client, stream } = scene;
  const a = await client.appendToStream(stream, ev('A'));
  await client.appendToStream(stream, ev('B'));
  const filter = streamNameFilter({ prefixes: [stream] });
  return heardOf(scene, client.subscribeToAll({ fromPosition: a.position ?? START, filter }), 3);
});
scenario('subscribe $all by stream regex', async (scene) => {
  await five(scene);
  return heardOf(scene, scene.client.subscribeToAll({ filter: streamNameFilter({ regex: `^${scene.stream}$` }) }), 7);
});
scenario('subscribe $all by type prefix', async (scene) => {
  const type = `Typ${scene.run}`;
  await scene.client.appendToStream(scene.stream, [ev(`${type}A`), ev('Other'), ev(`${type}B`)]);
  return heardOf(scene, scene.client.subscribeToAll({ filter: eventTypeFilter({ prefixes: [type] }) }), 4);
});
scenario('checkpoints over filtered events', async ({ client, stream }) => {
  for (let n = 0; n < 10; n++)
    await client.appendToStream(
      `${stream}-other`,
      Array.from({ length: 20 }, () => ev('Noise')),
    );
  await client.appendToStream(stream, ev('Signal'));
  const checkpoints: string[] = [];
  const filter = streamNameFilter({
    prefixes: [`${stream}x`],
    maxSearchWindow: 32,
    checkpointInterval: 1,
    checkpointReached: async (_subscription, position) => void checkpoints.push(typeof position.commit),
  });
  const subscription = client.subscribeToAll({ filter });
  listen(subscription);
  await until(() => checkpoints.length >= 6);
  await subscription.unsubscribe();
  return { checkpointsAtLeastSix: checkpoints.length >= 6, kind: checkpoints[0] };
});
scenario('order across streams in a subscription', async (scene) => {
  const { client, stream } = scene;
  for (let n = 0; n < 6; n++) await client.appendToStream(`${stream}-${n % 2}`, ev(`N${n}`));
  const heard = await heardOf(
    scene,
    client.subscribeToAll({ filter: streamNameFilter({ prefixes: [`${stream}-`] }) }),
    8,
  );
  return typesOnly(heard).filter((type) => /^N\d$/.test(String(type)));
});
scenario('parallel appends, one expected revision', async ({ client, stream }) => {
  await client.appendToStream(stream, ev('Zero'));
  const results = await Promise.all(
    Array.from({ length: 32 }, () =>
      tried(() => appended(client.appendToStream(stream, ev('One'), { expectedRevision: 0n }))),
    ),
  );
  const kinds: Record<string, number> = {};
  for (const result of results) {
    const { error } = result as { error?: { class: string; actualVersion: string } };
    const kind = error ? `${error.class} actual ${error.actualVersion}` : 'success';
    kinds[kind] = (kinds[kind] ?? 0) + 1;
  }
  return { kinds, n: (await all(client.readStream(stream))).length };
});
scenario('parallel appends, any revision, one stream', async ({ client, stream }) => {
  await Promise.all(Array.from({ length: 64 }, (_, n) => client.appendToStream(stream, ev(`P${n}`))));
  const revisions = await all(client.readStream(stream), ({ event }) => event?.revision);
  return { n: revisions.length, contiguous: revisions.every((revision, n) => revision === BigInt(n)) };
});
scenario('positions in one batch and across appends', async ({ client, stream }) => {
  const a = await client.appendToStream(stream, [ev('A'), ev('B')]);
  const b = await client.appendToStream(stream, ev('C'));
  const [p0, p1, p2] = (await all(client.readStream(stream), ({ event }) => event?.position)) as [
    Position,
    Position,
    Position,
  ];
  return {
    batchSharesCommit: p0.commit === p1.commit,
    batchDistinctPrepare: p0.prepare !== p1.prepare,
    appendIsLastOfBatch: a.position?.commit === p1.commit && a.position.prepare === p1.prepare,
    appendIsFirstOfBatch: a.position?.prepare === p0.prepare,
    grows: (b.position?.commit ?? 0n) > (a.position?.commit ?? 0n),
    commitEqualsPrepareSingle: p2.commit === p2.prepare,
  };
});
scenario('resume $all after the first of a batch', async (scene) => {
  const { client, stream } = scene;
  await client.appendToStream(stream, [ev('A'), ev('B'), ev('C')]);
  const [first] = (await all(client.readStream(stream, { maxCount: 1 }), ({ event }) => event?.position)) as Position[];
  const filter = streamNameFilter({ prefixes: [stream] });
  return typesOnly(await heardOf(scene, client.subscribeToAll({ fromPosition: first ?? START, filter }), 4));
});
scenario('read max count zero', async (scene) => {
  await five(scene);
  return all(scene.client.readStream(scene.stream, { maxCount: 0 }));
});
scenario('$all read from a position that is no event', async ({ client, stream }) => {
  const { position } = await client.appendToStream(stream, ev('A'));
  const between = (position?.commit ?? 0n) - 3n;
  return tried(() =>
    all(
      client.readAll({ fromPosition: { commit: between, prepare: between }, maxCount: 2 }),
      ({ event }) => event?.type,
    ),
  );
});
scenario('$all read from beyond the end', async ({ client, stream }) => {
  const { position } = await client.appendToStream(stream, ev('A'));
  const beyond = (position?.commit ?? 0n) + 10_000_000n;
  return tried(() =>
    all(client.readAll({ fromPosition: { commit: beyond, prepare: beyond }, maxCount: 2 }), ({ event }) => event?.type),
  );
});
scenario('$all read backwards from a position', async ({ client, stream }) => {
  const { position } = await client.appendToStream(stream, ev('A'));
  await client.appendToStream(stream, ev('B'));
  return tried(() =>
    all(client.readAll({ direction: BACKWARDS, fromPosition: position ?? START, maxCount: 1 }), ({ event }) => ({
      own: event?.streamId === stream,
      type: event?.type,
    })),
  );
});
scenario('resume a filtered subscription from its last event', async (scene) => {
  const { client, stream } = scene;
  const filter = (): ReturnType<typeof streamNameFilter> => streamNameFilter({ prefixes: [stream] });
  await client.appendToStream(stream, [ev('First'), ev('Second')]);
  await client.appendToStream(
    `noise-${stream}`,
    Array.from({ length: 50 }, () => ev('Noise')),
  );
  let last: Position | undefined;
  const subscription = client.subscribeToAll({ filter: filter() });
  subscription.on('data', ({ event }) => {
    last = event?.position;
  });
  await heardOf(scene, subscription, 4);
  await client.appendToStream(stream, ev('Third'));
  return typesOnly(await heardOf(scene, client.subscribeToAll({ fromPosition: last ?? START, filter: filter() }), 3));
});
scenario('exclude system events', async (scene) => {
  const { client, stream } = scene;
  const a = await client.appendToStream(stream, ev('Before'));
  await client.setStreamMetadata(stream, { maxCount: 5 });
  await client.appendToStream(`$sys-${stream}`, ev('InSystemStream'));
  await client.appendToStream(stream, [ev('Plain'), ev('$odd')]);
  return typesOnly(
    await heardOf(
      scene,
      client.subscribeToAll({ fromPosition: a.position ?? START, filter: excludeSystemEvents() }),
      4,
    ),
  );
});
scenario('metadata with wrong expected revision', async ({ client, stream }) => {
  await client.setStreamMetadata(stream, { maxCount: 5 });
  return tried(() => appended(client.setStreamMetadata(stream, { maxCount: 6 }, { expectedRevision: NO_STREAM })));
});
scenario('metadata read as events', async ({ client, stream }) => {
  const metadata = { maxCount: 5, maxAge: 60, truncateBefore: 1, cacheControl: 7, acl: { readRoles: ['a'] } };
  await client.setStreamMetadata(stream, metadata);
  return all(client.readStream(`$$${stream}`));
});
scenario('append while metadata truncates everything', async (scene) => {
  const { client, stream } = scene;
  await five(scene);
  await client.setStreamMetadata(stream, { maxCount: 1 });
  const r = await appended(client.appendToStream(stream, ev('Next'), { expectedRevision: 4n }));
  return { r, read: await all(client.readStream(stream)) };
});
scenario('deadline already past', ({ client, stream }) =>
  tried(() => appended(client.appendToStream(stream, ev('A'), { deadline: 0 }))),
);
scenario('client of one append per call', async ({ url, stream }) => {
  const single = EventStoreDBClient.connectionString(`${url}&throwOnAppendFailure=false`);
  const a = await appended(single.appendToStream(stream, ev('A')));
  const r = await tried(async () => plain(await single.appendToStream(stream, ev('B'), { expectedRevision: 9n })));
  await single.dispose();
  return { a, r };
});
scenario('with credentials on an insecure node', ({ client, stream }) =>
  tried(() => appended(client.appendToStream(stream, ev('A'), { credentials: { username: 'x', password: 'y' } }))),
);
// What the client throws outside any promise would fail the test run by itself, so nothing is gathered here.
scenario('empty stream name', async ({ client }) => {
  const r = await tried(() => appended(client.appendToStream('', ev('A'))));
  await all(client.readAll({ maxCount: 1 }));
  return { r, uncaught: [] };
});
scenario('empty event type', async ({ client, stream }) => {
  const r = await tried(() => appended(client.appendToStream(stream, ev(''))));
  await all(client.readAll({ maxCount: 1 }));
  return { r, uncaught: [] };
});
