import type { DomainEvent } from './event-definition.js';
import type { EventMetadata } from './event-metadata.js';
import type { StreamName } from './stream-name.js';

/** An event as it was stored: decoded, upcast, with its place in the log. */
export interface RecordedEvent<E extends DomainEvent = DomainEvent> {
  readonly id: string;
  readonly stream: StreamName;
  /** Its number in its stream, from 0. */
  readonly revision: bigint;
  /** Its place in `$all`. Order is position, always. */
  readonly position: bigint;
  readonly event: E;
  readonly metadata: EventMetadata;
  /** Personal fields that cannot be read any more because their subject was erased. */
  readonly erased: readonly string[];
}

/** Where a stream stands: the number of its last event, or that it has none. */
export type Revision = bigint | 'no_stream';
