import { forgetOldest } from '#libs/platform/forget-oldest.js';
import { unlessErased } from '#libs/privacy/subject-keys.js';
import type { DomainEvent } from './event-definition.js';
import type { CommandContext } from './event-metadata.js';
import type { EventStore } from './event-store.js';
import type { RecordedEvent, Revision } from './recorded-event.js';
import type { StreamName } from './stream-name.js';

/** How a stream's events become the state that a decision needs. Pure. */
export interface Fold<State, E extends DomainEvent> {
  readonly initial: State;
  readonly evolve: (state: State, event: E, recorded: RecordedEvent<E>) => State;
}

export interface Loaded<State> {
  readonly state: State;
  readonly revision: Revision;
  /** Position of the last event; 0 for a stream that does not exist. */
  readonly position: bigint;
}

/** Loads a stream at the leader and folds it. */
export const load = async <State, E extends DomainEvent>(
  store: EventStore,
  stream: StreamName,
  fold: Fold<State, E>,
): Promise<Loaded<State>> => foldRecorded((await store.read(stream)) as readonly RecordedEvent<E>[], fold);

/** Folds what was read. */
export const foldRecorded = <State, E extends DomainEvent>(
  events: readonly RecordedEvent<E>[],
  fold: Fold<State, E>,
): Loaded<State> => {
  const last = events.at(-1);
  return {
    state: events.reduce((state, recorded) => fold.evolve(state, recorded.event, recorded), fold.initial),
    revision: last?.revision ?? 'no_stream',
    position: last?.position ?? 0n,
  };
};

/**
 * A decision: the events that follow from a command and a state, and the answer for the caller. No events: nothing is
 * appended.
 */
export interface Decision<E extends DomainEvent, Outcome> {
  readonly events: readonly E[];
  readonly outcome: Outcome;
}

export interface Executed<Outcome, E extends DomainEvent = DomainEvent> {
  readonly outcome: Outcome;
  /** What was stored; nothing when nothing had to be. */
  readonly stored: readonly E[];
  /** Of the stream's last event, as of this execution. */
  readonly revision: Revision;
  /** Commit position of the last event that the answer depends on: read models that reached it show the outcome. */
  readonly position: bigint;
}

export interface Execution<State, E extends DomainEvent, Outcome> {
  readonly stream: StreamName;
  readonly fold: Fold<State, E>;
  readonly decide: (state: State) => Decision<E, Outcome>;
  readonly context: CommandContext;
  /** Whose key encrypts personal fields. */
  readonly subject: string;
}

/** Another writer was first more often than is plausible; nothing was stored. */
export class ContentionError extends Error {
  readonly code = 'try_again';
  constructor(stream: StreamName) {
    super(`Too many concurrent changes of ${stream}; nothing was stored`);
  }
}

const MAX_CONFLICTS = 40;

/** load → fold → decide → append at the exact revision read; on a conflict load and decide again. */
export const execute = async <State, E extends DomainEvent, Outcome>(
  store: EventStore,
  { stream, fold, decide, context, subject }: Execution<State, E, Outcome>,
): Promise<Executed<Outcome, E>> => {
  for (let conflicts = 0; conflicts < MAX_CONFLICTS; conflicts += 1) {
    const { state, revision, position } = await load(store, stream, fold);
    const { events, outcome } = decide(state);
    if (events.length === 0) return { outcome, stored: [], revision, position };
    // Of somebody whose erasure began meanwhile nothing can be written: the stream shows it by now, so decide again.
    const appended = await unlessErased(store.append({ stream, expectedRevision: revision, events, context, subject }));
    if (appended?.kind === 'appended')
      return { outcome, stored: events, revision: appended.revision, position: appended.position };
  }
  throw new ContentionError(stream);
};

/** Streams of activity that are remembered at a time. */
const MOST_STREAMS = 10_000;

/**
 * Where streams of activity stand as far as this process knows, after the last append to each that is under way; those
 * written to last. A guess: another process may have written since, and then the answer to a conflict says where the
 * stream stands.
 */
const queues = new WeakMap<EventStore, Map<StreamName, Promise<Revision>>>();

/**
 * Appends events that no state decides (activity): at the stream's revision, found by the answer to a conflict, without
 * folding the stream. Appends of one process to one stream wait for each other, so that they do not crowd each other
 * out (domain.md, "Streams").
 */
export const appendUnconditionally = async (
  store: EventStore,
  request: { stream: StreamName; events: readonly DomainEvent[]; context: CommandContext; subject: string },
): Promise<{ readonly revision: bigint; readonly position: bigint }> => {
  const queue = queues.get(store) ?? new Map<StreamName, Promise<Revision>>();
  queues.set(store, queue);
  const { stream } = request;
  const earlier = queue.get(stream);
  const appending = (async () => appendAtTheEnd(store, request, (await earlier) ?? 'no_stream'))();
  const settled = appending.then(
    ({ revision }) => revision,
    (): Revision => 'no_stream',
  );
  queue.delete(stream);
  queue.set(stream, settled);
  void forgetOldest(queue, MOST_STREAMS);
  return appending;
};

const appendAtTheEnd = async (
  store: EventStore,
  request: { stream: StreamName; events: readonly DomainEvent[]; context: CommandContext; subject: string },
  hint: Revision,
): Promise<{ readonly revision: bigint; readonly position: bigint }> => {
  let expectedRevision = hint;
  for (let conflicts = 0; conflicts < MAX_CONFLICTS; conflicts += 1) {
    const appended = await store.append({ ...request, expectedRevision });
    if (appended.kind === 'appended') return appended;
    expectedRevision = appended.actual;
  }
  throw new ContentionError(request.stream);
};
