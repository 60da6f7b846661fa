import type { StreamIdentifier, UUID } from '@eventstore/db-client/generated/shared_pb.js';
import type { ExpectedRevision, ProposedEvent } from '../log/event.js';
import { invalidArgument, requiredMetadataPropertyMissing } from './errors.js';
import { readUuid } from './wire-uuid.js';

/** A stream name is the key of an index, which bounds it; in UTF-8 bytes. */
const STREAM_NAME_MAX_BYTES = 2_000;
/** An event type is a name as well, and filters match regular expressions against it. */
const EVENT_TYPE_MAX_LENGTH = 2_000;

// PostgreSQL's text cannot hold it, and nobody means it.
const NUL = '\u0000';

/**
 * The name in a request.
 * @throws CallError invalid argument
 */
export const readStreamName = (identifier: StreamIdentifier | undefined): string => {
  const bytes = identifier?.getStreamName_asU8() ?? new Uint8Array(0);
  if (bytes.length === 0) throw invalidArgument('A stream name is required');
  if (bytes.length > STREAM_NAME_MAX_BYTES)
    throw invalidArgument(`A stream name is at most ${STREAM_NAME_MAX_BYTES} bytes long`);
  const name = Buffer.from(bytes).toString('utf8');
  if (name.includes(NUL)) throw invalidArgument('A stream name must not contain U+0000');
  return name;
};

/** The expected revision's part of a request; the messages of the four methods name their fields differently. */
interface WireExpectation {
  hasNoStream(): boolean;
  hasAny(): boolean;
  hasStreamExists(): boolean;
}

/** @param exact the exact revision, when the request names one */
export const readExpectedRevision = (options: WireExpectation, exact: string | undefined): ExpectedRevision => {
  if (options.hasNoStream()) return 'no_stream';
  if (options.hasStreamExists()) return 'stream_exists';
  if (exact !== undefined) return BigInt(exact);
  if (options.hasAny()) return 'any';
  throw invalidArgument('An expected revision is required');
};

/** EventStoreDB's numbers for what is expected. */
export const expectedRevisionNumber = (expected: ExpectedRevision): bigint =>
  expected === 'any' ? -2n : expected === 'no_stream' ? -1n : expected === 'stream_exists' ? -4n : expected;

interface WireEvent {
  getId(): UUID | undefined;
  getMetadataMap(): { get(key: string): string | undefined };
  getData_asU8(): Uint8Array;
  getCustomMetadata_asU8(): Uint8Array;
}

/**
 * A proposed event.
 * @throws CallError when its id, type or content type is missing or cannot be stored
 */
export const readProposedEvent = (message: WireEvent): ProposedEvent => {
  const id = readUuid(message.getId());
  if (id === undefined) throw invalidArgument('An event id must be a UUID');
  const type = message.getMetadataMap().get('type');
  if (type === undefined) throw requiredMetadataPropertyMissing('type');
  const contentType = message.getMetadataMap().get('content-type');
  if (contentType === undefined) throw requiredMetadataPropertyMissing('content-type');
  if (type === '') throw invalidArgument('An event type is required');
  if (type.length > EVENT_TYPE_MAX_LENGTH)
    throw invalidArgument(`An event type is at most ${EVENT_TYPE_MAX_LENGTH} characters long`);
  if (type.includes(NUL)) throw invalidArgument('An event type must not contain U+0000');
  return {
    id,
    type,
    isJson: contentType === 'application/json',
    data: message.getData_asU8(),
    metadata: message.getCustomMetadata_asU8(),
  };
};

/** What an event counts towards the append size limit, in bytes; EventStoreDB stores types in UTF-16. */
export const appendSize = (event: ProposedEvent): number =>
  event.data.length + event.metadata.length + 2 * event.type.length;
