import { RawStore } from './raw-store.js';
import type { RawAppendOutcome, RawEvent } from './raw-store.js';

/** How far a copy is. */
export interface CopyProgress {
  readonly phase: 'copying' | 'verifying';
  /** Events done in this phase of this run. */
  readonly events: number;
  /** Where the source was left off, and where it ended when this run began; positions of the source. */
  readonly position: bigint;
  readonly end: bigint;
}

export interface CopyOptions {
  /** `esdb://…` of the log to copy. */
  readonly from: string;
  /** `esdb://…` of the store to copy it to; what it holds already must be a beginning of the same log. */
  readonly to: string;
  /** Stops the copy; run again, it goes on where it was. */
  readonly signal?: AbortSignal;
  /** Called from time to time. */
  readonly onProgress?: (progress: CopyProgress) => void;
}

export interface CopyReport {
  /** Events copied in this run. */
  readonly copied: number;
  /** Events that source and target were compared in: all that the target has. */
  readonly verified: number;
  /** Whether an earlier run had begun. */
  readonly resumed: boolean;
}

/** Why a log cannot be copied. `code` is stable: */
export type CopyRefusal =
  /** The target holds something else than a beginning of the source. */
  | 'not_a_copy'
  /** The source has lost events (scavenged after truncation): the others could not keep their revisions. */
  | 'events_missing'
  /** The target refuses an event. */
  | 'event_refused'
  /** Source and target differ. */
  | 'verification_failed';

export class CopyRefusedError extends Error {
  override readonly name = 'CopyRefusedError';
  constructor(
    readonly code: CopyRefusal,
    message: string,
  ) {
    super(message);
  }
}

/** The copy was stopped by its signal; it goes on when it is run again. */
export class CopyStoppedError extends Error {
  override readonly name = 'CopyStoppedError';
}

const TOMBSTONE = '$streamDeleted';
/**
 * Appends in flight. They are taken in order, but when a run breaks off, the last ones may be there in part: the next
 * run sends them again.
 */
const IN_FLIGHT = 64;
const PROGRESS_EVERY = 500;

/** A server's own streams (`$…`) stay with it; metadata of ordinary streams (`$$…`) goes along. */
const isCopied = ({ stream }: RawEvent): boolean =>
  !stream.startsWith('$') || (stream.startsWith('$$') && !stream.startsWith('$$$'));

const isMetadata = ({ stream }: RawEvent): boolean => stream.startsWith('$$');

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/**
 * Ids of tombstones and of metadata that a server writes by itself (at a deletion, or after one) are its own;
 * everything else must be equal.
 */
const isSame = (a: RawEvent, b: RawEvent): boolean => {
  if (a.stream !== b.stream || a.revision !== b.revision || a.type !== b.type || a.contentType !== b.contentType)
    return false;
  if (a.type === TOMBSTONE) return true;
  return (a.id === b.id || isMetadata(a)) && sameBytes(a.data, b.data) && sameBytes(a.metadata, b.metadata);
};

const describe = (event: RawEvent | undefined): string =>
  event === undefined ? 'nothing' : `${event.type} ${event.id} at revision ${event.revision} of ${event.stream}`;

/**
 * Copies a log to another store in the order of `$all`, each event with its id, type, data and metadata as bytes, at
 * the same revision of the same stream. Positions and times are the target's own. What the target has of it already is
 * found in the target itself, so that an interrupted copy goes on where it was. At the end both logs are read side by
 * side and compared.
 * @throws CopyRefusedError, CopyStoppedError, or the client's error when a store does not answer
 */
export const copyLog = async (options: CopyOptions): Promise<CopyReport> => {
  const source = new RawStore(options.from);
  const target = new RawStore(options.to);
  try {
    const end = (await first(source.allBackwards()))?.position ?? 0n;
    const start = await findStart(source, target);
    const copied = await copyFrom(source, target, start, end, options);
    const verified = await verify(source, target, end, options);
    return { copied, verified, resumed: start !== undefined };
  } finally {
    await Promise.all([source.close(), target.close()]);
  }
};

const first = async (
  events: AsyncIterable<RawEvent>,
  wanted: (event: RawEvent) => boolean = () => true,
): Promise<RawEvent | undefined> => {
  for await (const event of events) if (wanted(event)) return event;
  return undefined;
};

interface Start {
  /** Where to read the source from; its event is included. */
  readonly position: bigint;
  /** The source's position of the last event that the target has. */
  readonly copiedTo: bigint;
}

/** Where an earlier run broke off; undefined when the target has nothing yet. */
const findStart = async (source: RawStore, target: RawStore): Promise<Start | undefined> => {
  const last = await first(target.allBackwards(), isCopied);
  if (last === undefined) return undefined;
  const original = await first(source.allBackwards(), (event) => isCopied(event) && isSame(event, last));
  if (original === undefined) {
    throw new CopyRefusedError(
      'not_a_copy',
      `The target's last event (${describe(last)}) is not in the source: copy into an empty store.`,
    );
  }
  let position = original.position;
  let back = 0;
  for await (const event of source.allBackwards(original.position)) {
    position = event.position;
    if (++back === IN_FLIGHT) break;
  }
  return { position, copiedTo: original.position };
};

const copyFrom = async (
  source: RawStore,
  target: RawStore,
  start: Start | undefined,
  end: bigint,
  { signal, onProgress }: CopyOptions,
): Promise<number> => {
  const appends = await target.openAppends();
  const inFlight: Promise<void>[] = [];
  let copied = 0;
  const settle = async (event: RawEvent, outcome: Promise<RawAppendOutcome>): Promise<void> => {
    await checkOutcome(target, event, await outcome);
    if (event.position > (start?.copiedTo ?? -1n)) copied += 1;
    if (copied % PROGRESS_EVERY === 0)
      onProgress?.({ phase: 'copying', events: copied, position: event.position, end });
  };
  try {
    for await (const event of source.allForwards(start?.position)) {
      if (signal?.aborted) throw new CopyStoppedError('The copy was stopped; run it again to go on');
      if (!isCopied(event)) continue;
      if (event.type === TOMBSTONE) {
        await Promise.all(inFlight.splice(0));
        await copyTombstone(target, event);
        copied += event.position > (start?.copiedTo ?? -1n) ? 1 : 0;
        continue;
      }
      const settled = settle(event, appends.append(event));
      // Whoever waits for it sees its failure; until then it must not count as unhandled.
      settled.catch(() => undefined);
      inFlight.push(settled);
      if (inFlight.length >= IN_FLIGHT) await inFlight.shift();
    }
    await Promise.all(inFlight);
    onProgress?.({ phase: 'copying', events: copied, position: end, end });
    return copied;
  } finally {
    appends.close();
  }
};

/**
 * A conflict is fine where the target has the same event already: sent again after an interruption, or written by the
 * target itself.
 */
const checkOutcome = async (target: RawStore, event: RawEvent, outcome: RawAppendOutcome): Promise<void> => {
  // Sent again to a stream whose tombstone was copied already; the comparison at the end judges it.
  if (outcome.kind === 'appended' || (outcome.kind === 'refused' && outcome.reason === 'StreamDeleted')) return;
  if (outcome.kind === 'refused')
    throw new CopyRefusedError('event_refused', `The target refuses ${describe(event)}: ${outcome.reason}`);
  const there = await target.eventAt(event.stream, event.revision);
  if (there !== undefined && isSame(event, there)) return;
  if (there !== undefined)
    throw new CopyRefusedError(
      'not_a_copy',
      `The target has ${describe(there)} where the source has ${describe(event)}.`,
    );
  throw new CopyRefusedError(
    'events_missing',
    `${describe(event)} cannot keep its revision: the source no longer has the events before it, or the target has lost some.`,
  );
};

const copyTombstone = async (target: RawStore, { stream }: RawEvent): Promise<void> => {
  await target.client.tombstoneStream(stream, { requiresLeader: true }).catch((error: Error & { type?: string }) => {
    if (error.type !== 'stream-deleted') throw error;
  });
};

async function* copiedOnly(events: AsyncIterable<RawEvent>): AsyncGenerator<RawEvent, void> {
  for await (const event of events) if (isCopied(event)) yield event;
}

/** Reads both side by side. The source may have grown meanwhile; the target must have nothing else. */
const verify = async (
  source: RawStore,
  target: RawStore,
  end: bigint,
  { signal, onProgress }: CopyOptions,
): Promise<number> => {
  const originals = copiedOnly(source.allForwards());
  let verified = 0;
  let position = 0n;
  try {
    for await (const copy of copiedOnly(target.allForwards())) {
      if (signal?.aborted) throw new CopyStoppedError('The copy was stopped; run it again to go on');
      const { value: original } = await originals.next();
      if (original === undefined || !isSame(original, copy)) {
        throw new CopyRefusedError(
          'verification_failed',
          `The target has ${describe(copy)} where the source has ${describe(original ?? undefined)}.`,
        );
      }
      verified += 1;
      position = original.position;
      if (verified % PROGRESS_EVERY === 0) onProgress?.({ phase: 'verifying', events: verified, position, end });
    }
    const { value: next } = await originals.next();
    if (next !== undefined && next.position <= end) {
      throw new CopyRefusedError('verification_failed', `The target ends where the source has ${describe(next)}.`);
    }
    onProgress?.({ phase: 'verifying', events: verified, position: end, end });
    return verified;
  } finally {
    await originals.return();
  }
};
