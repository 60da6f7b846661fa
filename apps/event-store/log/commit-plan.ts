import type { NewId } from '#libs/platform/ids.js';
import {
  METADATA_TYPE,
  isMetastream,
  isSoftDeleted,
  metastreamOf,
  recreatedMetadata,
  softDeletedMetadata,
  streamOfMetastream,
} from '../stream-metadata.js';
import { decideAppend, decideDelete, needsKnownEvents } from './append-decision.js';
import type { KnownEvent } from './append-decision.js';
import { DELETED_STREAM_REVISION, STREAM_DELETED_TYPE } from './event.js';
import type { ProposedEvent, StoredEvent } from './event.js';
import { POSITION_STRIDE } from './position.js';
import { advanceHead, headIsSoftDeleted, streamsMovedBy } from './stream-head.js';
import type { StreamHead } from './stream-head.js';
import type { Write, WriteOutcome } from './write.js';

const NOTHING = new Uint8Array(0);

/** The streams whose heads must be known before a write can be planned. */
export const streamsNeededBy = (write: Write): readonly string[] =>
  isMetastream(write.stream) ? [write.stream, streamOfMetastream(write.stream)] : [write.stream];

/** The ids whose places in the stored log must be known before a write can be planned. */
export const idsNeededBy = (write: Write, head: StreamHead): readonly string[] =>
  write.kind === 'append' && !head.tombstoned && needsKnownEvents(head, write.expected)
    ? write.events.map((event) => event.id)
    : [];

/** Places of event ids in the stored log, the oldest first, by stream and id. */
export class KnownPlaces {
  readonly #places = new Map<string, KnownEvent[]>();

  add(stream: string, id: string, place: KnownEvent): void {
    const key = `${id} ${stream}`;
    const places = this.#places.get(key);
    if (places === undefined) this.#places.set(key, [place]);
    else places.push(place);
  }

  of(stream: string, id: string): readonly KnownEvent[] {
    return this.#places.get(`${id} ${stream}`) ?? [];
  }
}

/**
 * Plans the writes of one group commit, in their order, each seeing what those before it will store. Pure but for the
 * ids of the events that deletions write; nothing has happened until `events` are committed.
 */
export class CommitPlan {
  /** What to store, in this order. */
  readonly events: StoredEvent[] = [];
  /** The heads as they are once `events` are stored; those that do not change are missing. */
  readonly movedHeads = new Map<string, StreamHead>();
  #position: bigint;

  /**
   * @param heads the heads of at least all {@link streamsNeededBy}
   * @param known the places of all {@link idsNeededBy}; the plan adds its own
   */
  constructor(
    private readonly heads: (stream: string) => StreamHead | undefined,
    private readonly known: KnownPlaces,
    lastPosition: bigint,
    private readonly nowMs: number,
    private readonly newId: NewId,
  ) {
    this.#position = lastPosition;
  }

  /** What the write comes to, provided that the plan is committed. */
  add(write: Write): WriteOutcome {
    if (write.deadlineMs !== undefined && write.deadlineMs <= this.nowMs) return { kind: 'expired' };
    return write.kind === 'append' ? this.#append(write) : this.#delete(write);
  }

  #headIfKnown(stream: string): StreamHead | undefined {
    return this.movedHeads.get(stream) ?? this.heads(stream);
  }

  #head(stream: string): StreamHead {
    const head = this.#headIfKnown(stream);
    if (head === undefined) throw new Error('A write was planned without the head of its stream');
    return head;
  }

  #append(write: Write & { kind: 'append' }): WriteOutcome {
    const head = this.#head(write.stream);
    const decision = decideAppend(
      head,
      write.expected,
      write.events.map((event) => event.id),
      (id) => this.known.of(write.stream, id),
    );
    if (decision.kind === 'stored-before') return { kind: 'written', ...decision.last };
    if (decision.kind !== 'store') return decision;
    const ownerBefore = isMetastream(write.stream) ? this.#head(streamOfMetastream(write.stream)) : undefined;
    let revision = decision.firstRevision;
    for (const event of write.events) this.#store(write.stream, revision++, event);
    const outcome = { kind: 'written', revision: revision - 1n, position: this.#position } as const;
    if (write.events.length > 0) this.#keepHiddenWhatWasDeleted(write.stream, head, ownerBefore);
    return outcome;
  }

  /**
   * A soft-deleted stream that is written again shows the new events only; new metadata for one leaves it without
   * events until then. As in EventStoreDB, that is one more metadata event after the write.
   */
  #keepHiddenWhatWasDeleted(stream: string, before: StreamHead, ownerBefore: StreamHead | undefined): void {
    if (headIsSoftDeleted(before)) {
      this.#storeMetadata(stream, recreatedMetadata(before.metadataJson, before.lastRevision + 1n));
    } else if (ownerBefore !== undefined && headIsSoftDeleted(ownerBefore)) {
      const owner = streamOfMetastream(stream);
      const { metadata, metadataJson, lastRevision } = this.#head(owner);
      if (!isSoftDeleted(metadata)) this.#storeMetadata(owner, recreatedMetadata(metadataJson, lastRevision + 1n));
    }
  }

  #delete(write: Write): WriteOutcome {
    const head = this.#head(write.stream);
    const kind = write.kind === 'tombstone' ? 'tombstone' : 'soft-delete';
    const decision = decideDelete(head, write.expected, kind);
    if (decision.kind !== 'delete') return decision;
    if (kind === 'soft-delete') this.#storeMetadata(write.stream, softDeletedMetadata(head.metadataJson));
    else {
      this.#store(write.stream, DELETED_STREAM_REVISION, {
        id: this.newId(),
        type: STREAM_DELETED_TYPE,
        isJson: false,
        data: NOTHING,
        metadata: NOTHING,
      });
    }
    return { kind: 'written', revision: head.lastRevision, position: this.#position };
  }

  #storeMetadata(stream: string, json: Uint8Array): void {
    const revision = this.#head(stream).metadataRevision + 1n;
    this.#store(metastreamOf(stream), revision, {
      id: this.newId(),
      type: METADATA_TYPE,
      isJson: true,
      data: json,
      metadata: NOTHING,
    });
  }

  #store(stream: string, revision: bigint, event: ProposedEvent): void {
    this.#position += POSITION_STRIDE;
    const stored: StoredEvent = { ...event, stream, revision, position: this.#position, createdMs: this.nowMs };
    this.events.push(stored);
    this.known.add(stream, event.id, { revision, position: this.#position });
    for (const moved of streamsMovedBy(stored)) {
      const head = this.#headIfKnown(moved);
      if (head !== undefined) this.movedHeads.set(moved, advanceHead(moved, head, stored));
    }
  }
}
