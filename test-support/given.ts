import { expect } from '@jest/globals';
import type { Decision, Fold } from '#libs/event-store/command-execution.js';
import type { DomainEvent } from '#libs/event-store/event-definition.js';
import type { RecordedEvent } from '#libs/event-store/recorded-event.js';
import type { StreamName } from '#libs/event-store/stream-name.js';

/** An event as if it had been stored, for folds and projections. */
export const recorded = <E extends DomainEvent>(
  event: E,
  place: Partial<Omit<RecordedEvent<E>, 'event'>> = {},
): RecordedEvent<E> => ({
  id: '00000000-0000-7000-8000-000000000000',
  stream: 'user-00000000-0000-7000-8000-000000000001' as StreamName,
  revision: 0n,
  position: 0n,
  event,
  metadata: {
    $correlationId: 'test',
    $causationId: 'test',
    commandId: 'earlier',
    actor: { type: 'system', id: 'test' },
    occurredAt: '2026-03-03T12:00:00.000Z',
    schemaVersion: 1,
  },
  erased: [],
  ...place,
});

/** Given these events, when this is decided, then these events and this outcome. */
export const given = <State, E extends DomainEvent>(
  fold: Fold<State, E>,
  events: readonly (E | RecordedEvent<E>)[],
) => ({
  when: <New extends DomainEvent, Outcome>(decide: (state: State) => Decision<New, Outcome>) => {
    const state = events.reduce((folded, item, i) => {
      const stored = 'event' in item ? item : recorded(item, { revision: BigInt(i) });
      return fold.evolve(folded, stored.event, stored);
    }, fold.initial);
    const decision = decide(state);
    return {
      then: (expected: readonly DomainEvent[], outcome: Outcome): void => {
        expect(decision.events).toEqual(expected);
        expect(decision.outcome).toEqual(outcome);
      },
    };
  },
});
