import { setImmediate as turnOfOthers } from 'node:timers/promises';
import { z } from 'zod';
import type { KeyLookup, SubjectKey, SubjectKeys } from '#libs/privacy/subject-keys.js';
import { readable, unfitPath } from '#libs/platform/text.js';
import { INSTALLATION_SUBJECT, SubjectKeyMissingError } from '#libs/privacy/subject-keys.js';
import { open, seal } from '#libs/privacy/sealed.js';
import type { EventCatalog } from './event-catalog.js';
import type { DomainEvent, EventDefinition } from './event-definition.js';
import { plainMetadataSchema, sourceSchema } from './event-metadata.js';
import type { Actor, CommandContext, EventMetadata } from './event-metadata.js';
import type { RecordedEvent } from './recorded-event.js';
import type { StreamName } from './stream-name.js';

/** What goes to the store: JSON data and metadata under an id that was made once for this decision. */
export interface EncodedEvent {
  readonly id: string;
  readonly type: string;
  readonly data: Record<string, unknown>;
  readonly metadata: Record<string, unknown>;
}

/** What comes from the store. */
export interface StoredEvent extends EncodedEvent {
  readonly stream: StreamName;
  readonly revision: bigint;
  readonly position: bigint;
}

export interface EncodingRequest {
  readonly id: string;
  readonly event: DomainEvent;
  readonly stream: StreamName;
  readonly occurredAt: Date;
  readonly context: CommandContext;
  /** Whose key encrypts the event's personal fields. */
  readonly subject: string;
}

/**
 * What is read of an event: all of it; all but where its command came from (`metadata.source`); or what needs no key,
 * so that it is given without personal values, as if they had been erased.
 */
export type Reading = 'everything' | 'data' | 'plain';

/** An event that cannot be read or must not be written: unknown type, schema refusal, unreadable ciphertext. */
export class EventFormatError extends Error {
  readonly code = 'event_format_invalid';
  constructor(
    readonly type: string,
    reason: string,
  ) {
    super(`${type}: ${reason}`);
  }
}

/** Sealed personal fields, as they stand in the store beside the plain ones. */
const envelopeSchema = z.strictObject({
  subject: z.string(),
  key: z.string(),
  fields: z.record(z.string(), z.string()),
});
type Envelope = z.infer<typeof envelopeSchema>;
const ENVELOPE = '$personal';

/** Decoding waits for nothing: after so many events of a long batch whatever else the process does has its turn. */
const AT_A_TIME = 200;

/** What was sealed, in the open; and the fields whose key is destroyed. */
interface Opened {
  readonly values: Readonly<Record<string, unknown>>;
  readonly erased: readonly string[];
}
const NOTHING_SEALED: Opened = { values: {}, erased: [] };

interface Sealed {
  readonly data: Envelope | undefined;
  readonly metadata: Envelope | undefined;
}

const sourceSubject = (actor: Actor): string => (actor.type === 'user' ? actor.id : INSTALLATION_SUBJECT);

/**
 * Between domain events and what the store keeps: schemas are checked on write and on read, older versions are upcast,
 * personal fields are sealed one by one. Associated data: subject, key id, stream, event id, type, schema version,
 * field (domain.md, "Privacy").
 */
export const createCodec = (catalog: EventCatalog, keys: SubjectKeys) => {
  const definitionOf = (type: string): EventDefinition => {
    const definition = catalog.get(type);
    if (!definition)
      throw new EventFormatError(type, 'unknown event type; is this process older than the one that wrote it?');
    return definition;
  };

  const parse = <T>(type: string, schema: z.ZodType<T>, value: unknown): T => {
    const result = schema.safeParse(value);
    // The message names fields and rules only: a value may be personal.
    if (!result.success)
      throw new EventFormatError(type, result.error.issues.map((i) => `${i.path.join('.')}: ${i.code}`).join('; '));
    return result.data;
  };

  /** Every text of every event keeps the one rule, or a reader's database would refuse it (security row T1). */
  const requireText = (type: string, value: unknown): void => {
    const path = unfitPath(value);
    if (path !== undefined) throw new EventFormatError(type, `${path}: text_invalid`);
  };

  type Place = readonly [stream: StreamName, eventId: string, type: string, version: number];

  const sealFields = (values: Record<string, unknown>, subject: string, key: SubjectKey, place: Place): Envelope => ({
    subject,
    key: key.id,
    fields: Object.fromEntries(
      Object.entries(values).map(([field, value]) => [
        field,
        seal(key.secret, Buffer.from(JSON.stringify(value)), [subject, key.id, ...place, field]).toString('base64'),
      ]),
    ),
  });

  const encode = async (request: EncodingRequest): Promise<EncodedEvent> => {
    const { event, stream, id, context } = request;
    const definition = definitionOf(event.type);
    const data = parse(event.type, definition.schema, event.data) as Record<string, unknown>;
    requireText(event.type, data);
    const isPersonal = (field: string): boolean => definition.personalFields.includes(field);
    const present = Object.entries(data).filter(([, value]) => value !== undefined);
    const plain = Object.fromEntries(present.filter(([field]) => !isPersonal(field)));
    const personalValues = Object.fromEntries(present.filter(([field]) => isPersonal(field)));
    const metadata = parse(event.type, plainMetadataSchema, {
      $correlationId: context.correlationId,
      $causationId: context.causationId ?? context.commandId,
      commandId: context.commandId,
      bodyHash: context.bodyHash,
      actor: context.actor,
      organizationId: context.organizationId,
      clientId: context.clientId,
      occurredAt: request.occurredAt.toISOString(),
      schemaVersion: definition.version,
    });
    requireText(event.type, [metadata, context.source]);
    const sealUnder = async (
      subject: string,
      values: Record<string, unknown>,
      prefix: string,
    ): Promise<Record<string, Envelope>> =>
      Object.keys(values).length === 0
        ? {}
        : {
            [ENVELOPE]: sealFields(values, subject, await keys.forWriting(subject), [
              stream,
              id,
              `${prefix}${event.type}`,
              definition.version,
            ]),
          };
    return {
      id,
      type: event.type,
      data: { ...plain, ...(await sealUnder(request.subject, personalValues, '')) },
      metadata: {
        ...withoutUndefined(metadata),
        ...(context.source
          ? await sealUnder(
              sourceSubject(context.actor),
              { source: parse(event.type, sourceSchema, context.source) },
              '$metadata.',
            )
          : {}),
      },
    };
  };

  const openFields = (
    type: string,
    envelope: Envelope,
    place: Place,
    lookups: ReadonlyMap<string, KeyLookup>,
  ): Opened => {
    const lookup = lookups.get(envelope.subject);
    if (lookup?.kind === 'destroyed') return { values: {}, erased: Object.keys(envelope.fields) };
    if (lookup?.kind !== 'key') throw new SubjectKeyMissingError(envelope.subject);
    if (lookup.key.id !== envelope.key)
      throw new EventFormatError(type, 'sealed under another key than its subject has');
    const { secret } = lookup.key;
    const values = Object.fromEntries(
      Object.entries(envelope.fields).map(([field, sealed]) => {
        try {
          const bytes = open(secret, Buffer.from(sealed, 'base64'), [envelope.subject, envelope.key, ...place, field]);
          return [field, JSON.parse(bytes.toString('utf8')) as unknown];
        } catch {
          throw new EventFormatError(type, `${field}: the ciphertext does not belong to this place or was changed`);
        }
      }),
    );
    return { values, erased: [] };
  };

  const envelopeOf = (type: string, record: Record<string, unknown>): Envelope | undefined =>
    record[ENVELOPE] === undefined ? undefined : parse(type, envelopeSchema, record[ENVELOPE]);

  /** What is sealed in an event, as far as it is read. */
  const sealedIn = ({ type, data, metadata }: StoredEvent, reading: Reading): Sealed => ({
    data: reading === 'plain' ? undefined : envelopeOf(type, data),
    metadata: reading === 'everything' ? envelopeOf(type, metadata) : undefined,
  });

  const decodeWith = (stored: StoredEvent, sealed: Sealed, lookups: ReadonlyMap<string, KeyLookup>): RecordedEvent => {
    const definition = definitionOf(stored.type);
    const plainMetadata = parse(stored.type, plainMetadataSchema, stored.metadata);
    const version = plainMetadata.schemaVersion;
    if (version > definition.version)
      throw new EventFormatError(stored.type, `schema version ${version} is newer than this process knows`);
    const openedOf = (envelope: Envelope | undefined, prefix: '' | '$metadata.'): Opened =>
      envelope
        ? openFields(stored.type, envelope, [stored.stream, stored.id, `${prefix}${stored.type}`, version], lookups)
        : NOTHING_SEALED;
    const personal = openedOf(sealed.data, '');
    const source = openedOf(sealed.metadata, '$metadata.');
    const { [ENVELOPE]: _sealed, ...plain } = stored.data;
    // What was stored before the rule for text was is read with replacements, which nothing is derived from: keys and
    // names of streams are made of what a provider asserts, never of what an event says.
    let current: Record<string, unknown> = readable(Object.assign(plain, personal.values));
    for (const upcast of definition.upcasters.slice(version - 1)) current = upcast(current);
    return {
      id: stored.id,
      stream: stored.stream,
      revision: stored.revision,
      position: stored.position,
      event: { type: stored.type, data: parse(stored.type, definition.schema, current) },
      metadata: source.values.source
        ? { ...plainMetadata, source: parse(stored.type, sourceSchema, readable(source.values.source)) }
        : (plainMetadata as EventMetadata),
      erased: [...personal.erased, ...source.erased],
    };
  };

  const subjectsIn = (sealed: readonly Sealed[]): readonly string[] => [
    ...new Set(sealed.flatMap(({ data, metadata }) => [data, metadata].flatMap((envelope) => envelope?.subject ?? []))),
  ];

  /** Whose personal values stand in the data of these events. */
  const subjectsOf = (batch: readonly StoredEvent[]): readonly string[] =>
    subjectsIn(batch.map((stored) => sealedIn(stored, 'data')));

  /**
   * Decodes a batch with one look-up of all keys it needs.
   * @param readingOf what is read of events of a type
   * @throws {EventFormatError | SubjectKeyMissingError} at the first event that cannot be read
   */
  const decode = async (
    batch: readonly StoredEvent[],
    readingOf: (type: string) => Reading = () => 'everything',
  ): Promise<readonly RecordedEvent[]> => {
    const read = batch.map((stored) => ({ stored, sealed: sealedIn(stored, readingOf(stored.type)) }));
    const lookups = await keys.forReading(subjectsIn(read.map(({ sealed }) => sealed)));
    const decoded: RecordedEvent[] = [];
    for (const { stored, sealed } of read) {
      if (decoded.length > 0 && decoded.length % AT_A_TIME === 0) await turnOfOthers();
      decoded.push(decodeWith(stored, sealed, lookups));
    }
    return decoded;
  };

  return { encode, decode, subjectsOf };
};

export type Codec = ReturnType<typeof createCodec>;

const withoutUndefined = (metadata: EventMetadata): Record<string, unknown> =>
  Object.fromEntries(Object.entries(metadata).filter(([, value]) => value !== undefined));
