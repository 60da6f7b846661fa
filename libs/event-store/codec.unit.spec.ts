import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { SubjectErasedError, SubjectKeyMissingError } from '#libs/privacy/subject-keys.js';
import type { KeyLookup } from '#libs/privacy/subject-keys.js';
import { MemorySubjectKeys } from '#test-support/subject-keys.js';
import { createCodec, EventFormatError } from './codec.js';
import type { EncodedEvent, StoredEvent } from './codec.js';
import { createEventCatalog } from './event-catalog.js';
import { defineEvent, personal } from './event-definition.js';
import type { EventDefinition } from './event-definition.js';
import type { CommandContext } from './event-metadata.js';
import type { StreamName } from './stream-name.js';

const named = defineEvent('Named', { place: z.string(), name: personal(z.string()), nickname: personal(z.string()) });
const counted = defineEvent('Counted', { count: z.number().int() });
const STREAM = 'user-1' as StreamName;
const context: CommandContext = {
  commandId: 'command',
  correlationId: 'correlation',
  actor: { type: 'user', id: 'actor' },
};

const setUp = (...definitions: EventDefinition[]) => {
  const keys = new MemorySubjectKeys();
  const codec = createCodec(
    createEventCatalog(definitions.length > 0 ? definitions : [named as EventDefinition, counted as EventDefinition]),
    keys,
  );
  const encode = (
    type: string,
    data: object,
    over: Partial<Parameters<typeof codec.encode>[0]> = {},
  ): Promise<EncodedEvent> =>
    codec.encode({
      id: 'event-1',
      event: { type, data },
      stream: STREAM,
      occurredAt: new Date('2026-03-03T12:00:00Z'),
      context,
      subject: 'ann',
      ...over,
    });
  const stored = (event: EncodedEvent, over: Partial<StoredEvent> = {}): StoredEvent => ({
    ...(JSON.parse(JSON.stringify(event)) as EncodedEvent),
    stream: STREAM,
    revision: 0n,
    position: 1n,
    ...over,
  });
  const decodeOne = async (event: StoredEvent) => {
    const [decoded] = await codec.decode([event]);
    if (!decoded) throw new Error('nothing was decoded');
    return decoded;
  };
  return { keys, codec, encode, stored, decodeOne };
};

const ANN = { place: 'here', name: 'Ann', nickname: 'Nan' };

describe('schemas', () => {
  const { encode, stored, decodeOne } = setUp();

  it.each<[string, string, object]>([
    ['a field of the wrong type', 'Counted', { count: '1' }],
    ['a missing field', 'Counted', {}],
    ['a field that the schema does not name', 'Counted', { count: 1, more: true }],
    ['a type that nobody defined', 'Whatever', {}],
  ])('on write: %s is refused', async (_title, type, data) => {
    await expect(encode(type, data)).rejects.toThrow(EventFormatError);
  });

  it.each<[string, Partial<StoredEvent>]>([
    ['a field of the wrong type', { data: { count: '1' } }],
    ['a missing field', { data: {} }],
    ['a field that the schema does not name', { data: { count: 1, more: true } }],
    ['a type that nobody defined', { type: 'Whatever' }],
    ['no metadata', { metadata: {} }],
    ['a schema version from the future', { metadata: { schemaVersion: 2 } }],
  ])('on read: %s is refused', async (_title, over) => {
    const good = stored(await encode('Counted', { count: 1 }));
    await expect(
      decodeOne({
        ...good,
        ...over,
        metadata: over.metadata?.schemaVersion
          ? { ...good.metadata, ...over.metadata }
          : (over.metadata ?? good.metadata),
      }),
    ).rejects.toThrow(EventFormatError);
  });

  it('a refusal names fields and rules, never a value', async () => {
    await expect(encode('Named', { place: 'here', name: 42, nickname: ['secret value'] })).rejects.toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('secret value') }),
    );
  });

  it('what was written is read', async () => {
    const read = await decodeOne(stored(await encode('Counted', { count: 3 }), { revision: 7n, position: 70n }));
    expect(read).toEqual({
      id: 'event-1',
      stream: STREAM,
      revision: 7n,
      position: 70n,
      event: { type: 'Counted', data: { count: 3 } },
      metadata: {
        $correlationId: 'correlation',
        $causationId: 'command',
        commandId: 'command',
        actor: { type: 'user', id: 'actor' },
        occurredAt: '2026-03-03T12:00:00.000Z',
        schemaVersion: 1,
      },
      erased: [],
    });
  });

  it('two definitions of one type are refused', () => {
    expect(() => createEventCatalog([counted as EventDefinition], [counted as EventDefinition])).toThrow(
      'defined twice',
    );
  });
});

describe('T1: the rule for text', () => {
  const { encode, stored, decodeOne } = setUp();

  it.each([
    ['half a surrogate pair in a personal field', { ...ANN, name: 'Ada \ud83d' }, {}],
    ['NUL in a plain field', { ...ANN, place: 'here\u0000' }, {}],
    [
      'a control character in where a command came from',
      ANN,
      { context: { ...context, source: { userAgent: '\u001b' } } },
    ],
    ['a text without end', { ...ANN, name: 'a'.repeat(65_537) }, {}],
  ])('no event is written with %s', async (_name, data, over) => {
    await expect(encode('Named', data, over)).rejects.toThrow('text_invalid');
  });

  it('what was stored before is read with replacements', async () => {
    const event = stored(await encode('Named', ANN));
    const old = { ...event, data: { ...event.data, place: 'here \ud83d\u0000' } };
    expect((await decodeOne(old)).event.data).toEqual({ ...ANN, place: 'here \ufffd\ufffd' });
  });
});

describe('upcasters', () => {
  const first = defineEvent('Grown', { name: personal(z.string()) });
  const third = defineEvent('Grown', { fullName: personal(z.string()), length: z.number() }, [
    ({ name, ...rest }) => ({ ...rest, fullName: name }),
    (data) => ({ ...data, length: String(data.fullName).length }),
  ]);

  it('an event of version 1 is read as one of version 3, its personal field included', async () => {
    const old = setUp(first as EventDefinition);
    const now = setUp(third as EventDefinition);
    const written = old.stored(await old.encode('Grown', { name: 'Ann' }));
    for (const [subject, lookup] of old.keys.lookups) now.keys.lookups.set(subject, lookup);
    expect((await now.decodeOne(written)).event).toEqual({ type: 'Grown', data: { fullName: 'Ann', length: 3 } });
    expect(
      (await now.decodeOne(now.stored(await now.encode('Grown', { fullName: 'Bea', length: 3 })))).metadata
        .schemaVersion,
    ).toBe(3);
  });
});

describe('personal fields', () => {
  it('are sealed under their subject’s key; nothing of them is stored in plain', async () => {
    const { encode, stored, decodeOne } = setUp();
    const event = await encode('Named', ANN);
    expect(event.data).toEqual({
      place: 'here',
      $personal: {
        subject: 'ann',
        key: 'key-of-ann',
        fields: { name: expect.any(String), nickname: expect.any(String) },
      },
    });
    expect(JSON.stringify(event)).not.toMatch(/Ann|Nan/);
    expect((await decodeOne(stored(event))).event.data).toEqual(ANN);
  });

  it('an event without any has no envelope', async () => {
    const { encode } = setUp();
    expect((await encode('Named', { place: 'here' })).data).toEqual({ place: 'here' });
  });

  it('the same value is sealed differently each time', async () => {
    const { encode } = setUp();
    const [one, other] = [await encode('Named', ANN), await encode('Named', ANN)];
    expect(one.data.$personal).not.toEqual(other.data.$personal);
  });

  type Sealed = { subject: string; key: string; fields: Record<string, string> };
  const envelope = (event: StoredEvent): Sealed => event.data.$personal as Sealed;

  it.each<[string, (event: StoredEvent, other: StoredEvent) => StoredEvent]>([
    ['another event', (event) => ({ ...event, id: 'event-2' })],
    ['another stream', (event) => ({ ...event, stream: 'user-2' })],
    ['another type', (event) => ({ ...event, type: 'Named2' })],
    [
      'another field',
      (event) => {
        const { fields } = envelope(event);
        return {
          ...event,
          data: {
            ...event.data,
            $personal: { ...envelope(event), fields: { name: fields.nickname, nickname: fields.name } },
          },
        };
      },
    ],
    [
      'the place of another event’s',
      (event, other) => ({ ...event, data: { ...event.data, $personal: envelope(other) } }),
    ],
    [
      'another subject, who has a key of the same name',
      (event) => ({ ...event, data: { ...event.data, $personal: { ...envelope(event), subject: 'twin' } } }),
    ],
    [
      'the metadata',
      (event) => ({
        ...event,
        metadata: {
          ...event.metadata,
          $personal: { ...envelope(event), fields: { source: envelope(event).fields.name } },
        },
      }),
    ],
    [
      'a flipped bit',
      (event) => {
        const bytes = Buffer.from(envelope(event).fields.name ?? '', 'base64');
        bytes[15] = (bytes[15] ?? 0) ^ 1;
        return {
          ...event,
          data: {
            ...event.data,
            $personal: { ...envelope(event), fields: { ...envelope(event).fields, name: bytes.toString('base64') } },
          },
        };
      },
    ],
    [
      'nothing left of it',
      (event) => ({ ...event, data: { ...event.data, $personal: { ...envelope(event), fields: { name: '' } } } }),
    ],
  ])('a ciphertext moved to %s is refused', async (_title, move) => {
    const twin = defineEvent('Named2', {
      place: z.string(),
      name: personal(z.string()),
      nickname: personal(z.string()),
    });
    const { keys, encode, stored, decodeOne } = setUp(named as EventDefinition, twin as EventDefinition);
    const event = stored(await encode('Named', ANN));
    const other = stored(await encode('Named', ANN, { id: 'event-9' }), { id: 'event-9' });
    keys.lookups.set('twin', keys.lookups.get('ann') as KeyLookup);
    expect((await decodeOne(event)).event.data).toEqual(ANN);
    await expect(decodeOne(move(event, other))).rejects.toThrow(/ciphertext/);
  });

  it('a ciphertext under another schema version is refused', async () => {
    const v2 = defineEvent('Named', { place: z.string(), name: personal(z.string()), nickname: personal(z.string()) }, [
      (data) => data,
    ]);
    const { encode, stored, decodeOne } = setUp(v2 as EventDefinition);
    const event = stored(await encode('Named', ANN));
    await expect(decodeOne({ ...event, metadata: { ...event.metadata, schemaVersion: 1 } })).rejects.toThrow(
      /ciphertext/,
    );
  });

  it('a subject whose key is another one by now is refused, not read as erased', async () => {
    const { keys, encode, stored, decodeOne } = setUp();
    const event = stored(await encode('Named', ANN));
    keys.lookups.set('ann', { kind: 'key', key: { id: 'another', secret: randomBytes(32) } });
    await expect(decodeOne(event)).rejects.toThrow(/another key/);
  });

  it('invariant 10: a destroyed key: the fields are erased, the rest is still read', async () => {
    const { keys, encode, stored, decodeOne } = setUp();
    const event = stored(await encode('Named', ANN));
    keys.lookups.set('ann', { kind: 'destroyed' });
    const read = await decodeOne(event);
    expect(read.event.data).toEqual({ place: 'here' });
    expect(read.erased).toEqual(['name', 'nickname']);
  });

  it('erased is not missing: a lost key stops the reader', async () => {
    const { keys, encode, stored, decodeOne } = setUp();
    const event = stored(await encode('Named', ANN));
    keys.lookups.delete('ann');
    await expect(decodeOne(event)).rejects.toThrow(SubjectKeyMissingError);
  });

  it('nothing personal is written of a subject that was erased', async () => {
    const { keys, encode } = setUp();
    keys.lookups.set('ann', { kind: 'destroyed' });
    await expect(encode('Named', ANN)).rejects.toThrow(SubjectErasedError);
    expect((await encode('Named', { place: 'here' })).data).toEqual({ place: 'here' });
  });
});

describe('the source of a command', () => {
  const source = { address: '192.0.2.7', userAgent: 'Browser' };
  const from = (actor: CommandContext['actor']): CommandContext => ({ ...context, actor, source });

  it('is sealed under the key of the person who acts, not of the one it is about', async () => {
    const { keys, encode, stored, decodeOne } = setUp();
    const event = await encode('Named', ANN, { context: from({ type: 'user', id: 'actor' }) });
    expect(event.metadata.$personal).toMatchObject({ subject: 'actor' });
    expect(JSON.stringify(event)).not.toContain('192.0.2.7');
    expect((await decodeOne(stored(event))).metadata.source).toEqual(source);
    keys.lookups.set('actor', { kind: 'destroyed' });
    const erased = await decodeOne(stored(event));
    expect(erased.metadata.source).toBeUndefined();
    expect(erased.event.data).toEqual(ANN);
    expect(erased.erased).toEqual(['source']);
  });

  it.each(['client', 'provider', 'system'] as const)(
    'of a %s, who is no person, under the installation’s key',
    async (type) => {
      const { encode } = setUp();
      const event = await encode('Counted', { count: 1 }, { context: from({ type, id: 'x' }) });
      expect(event.metadata.$personal).toMatchObject({ subject: 'installation' });
    },
  );

  it('moved to another event is refused', async () => {
    const { encode, stored, decodeOne } = setUp();
    const event = stored(await encode('Counted', { count: 1 }, { context: from({ type: 'user', id: 'actor' }) }));
    await expect(decodeOne({ ...event, id: 'event-2' })).rejects.toThrow(/ciphertext/);
  });
});

describe('batches', () => {
  it('let others have their turn while a long batch is decoded', async () => {
    const { codec, encode, stored } = setUp();
    const event = await encode('Counted', { count: 1 });
    let turns = 0;
    let decoding = true;
    const others = (): void => {
      turns += 1;
      if (decoding) setImmediate(others);
    };
    setImmediate(others);
    const decoded = await codec.decode(
      Array.from({ length: 1_000 }, (_, i) => stored(event, { revision: BigInt(i), position: BigInt(i) })),
    );
    decoding = false;
    expect(turns).toBeGreaterThanOrEqual(4);
    expect(decoded.map(({ revision }) => Number(revision))).toEqual(Array.from({ length: 1_000 }, (_, i) => i));
  });

  it('are decoded in order, with one look-up of all keys', async () => {
    const { keys, codec, encode, stored } = setUp();
    const events = [
      stored(await encode('Named', ANN)),
      stored(await encode('Counted', { count: 2 }, { id: 'event-2' })),
      stored(await encode('Named', { place: 'there', name: 'Bea' }, { id: 'event-3', subject: 'bea' })),
    ];
    const asked: string[][] = [];
    const forReading = keys.forReading.bind(keys);
    keys.forReading = (subjects) => {
      asked.push([...subjects]);
      return forReading(subjects);
    };
    expect((await codec.decode(events)).map(({ event }) => event.data)).toEqual([
      ANN,
      { count: 2 },
      { place: 'there', name: 'Bea' },
    ]);
    expect(asked).toEqual([['ann', 'bea']]);
  });
});
