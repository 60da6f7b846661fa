import type { Fold } from '#libs/event-store/command-execution.js';
import { foldRecorded } from '#libs/event-store/command-execution.js';
import type { DomainEvent } from '#libs/event-store/event-definition.js';
import type { RecordedEvent } from '#libs/event-store/recorded-event.js';

/**
 * What a stream said just before one of its events, and just after it. Pure.
 * @param history of the stream; may go on behind the event
 */
export const aroundEvent = <State, E extends DomainEvent>(
  history: readonly RecordedEvent<E>[],
  recorded: RecordedEvent<E>,
  fold: Fold<State, E>,
): { readonly before: State; readonly after: State } => {
  const earlier = history.filter(({ revision }) => revision < recorded.revision);
  const before = foldRecorded(earlier, fold).state;
  return { before, after: fold.evolve(before, recorded.event, recorded) };
};
