import type { Revision } from './recorded-event.js';

/**
 * The store as the append protocol needs it. Outcomes, not exceptions; `null` position when the store did not say one.
 */
export interface AppendPort {
  /** One try to append these events at this revision. */
  tryAppend(): Promise<
    | { readonly kind: 'appended'; readonly revision: bigint; readonly position: bigint }
    | { readonly kind: 'conflict'; readonly actual: Revision }
    | { readonly kind: 'unknown_outcome'; readonly cause: unknown }
  >;
  /**
   * The ids and positions that stand in the stream after the expected revision, read at the leader; `undefined` when it
   * cannot be read now.
   */
  readAfterExpected(
    count: number,
  ): Promise<readonly { readonly id: string; readonly revision: bigint; readonly position: bigint }[] | undefined>;
  /** Waits a little, or until the store answers again. */
  pause(): Promise<void>;
}

export type AppendOutcome =
  | { readonly kind: 'appended'; readonly revision: bigint; readonly position: bigint }
  | { readonly kind: 'conflict'; readonly actual: Revision }
  | { readonly kind: 'unknown'; readonly cause: unknown };

/**
 * The append protocol of the design ("The append protocol", steps 3 and 4), for the same events at the same revision.
 *
 * A conflict on the first try is a conflict. After a try of unknown outcome nothing is believed but the leader's
 * stream: a conflict may come from our own first try, or from writes that a fail-over then discards (H8).
 * @param ids the events' ids, made once for this decision
 * @param expired whether the deadline has passed; then the outcome is `unknown`, and the same command id settles it
 * later
 */
export const appendUntilKnown = async (
  ids: readonly string[],
  port: AppendPort,
  expired: () => boolean,
): Promise<AppendOutcome> => {
  let doubtful: { cause: unknown } | undefined;
  for (;;) {
    const outcome = await port.tryAppend();
    if (outcome.kind === 'appended') return outcome;
    if (outcome.kind === 'conflict') {
      if (!doubtful) return outcome;
      const after = await port.readAfterExpected(ids.length);
      if (after && after.length > 0) {
        const last = after[ids.length - 1];
        if (last && ids.every((id, i) => after[i]?.id === id))
          return { kind: 'appended', revision: last.revision, position: last.position };
        return { kind: 'conflict', actual: outcome.actual };
      }
    } else {
      doubtful = { cause: outcome.cause };
    }
    if (expired()) return { kind: 'unknown', cause: doubtful.cause };
    await port.pause();
  }
};
