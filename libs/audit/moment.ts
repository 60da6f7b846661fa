import { z } from 'zod';
import type { RecordedEvent } from '#libs/event-store/recorded-event.js';
import { positionSchema, timeSchema } from './history-query.js';

/** A point in the history: behind the event at a position, or a time. */
export type Moment = { readonly position: bigint } | { readonly time: Date };

/** `pos:<number>`, or a time in ISO 8601. */
export const momentSchema = z.string().transform((text, context): Moment => {
  const parsed = text.startsWith('pos:') ? positionSchema.safeParse(text) : timeSchema.safeParse(text);
  if (parsed.success) return parsed.data instanceof Date ? { time: parsed.data } : { position: parsed.data };
  for (const { message } of parsed.error.issues) context.addIssue({ code: 'custom', message });
  return z.NEVER;
});

/** Clocks of instances differ by less than this. What lies further ahead has not happened yet. */
export const CLOCKS_DIFFER_MS = 60_000;

/** Why there can be no answer as of this moment, or nothing. */
export const notYet = (moment: Moment, now: Date, endOfLog: bigint): string | undefined => {
  if ('position' in moment)
    return moment.position > endOfLog ? `lies beyond the last event, at pos:${endOfLog}` : undefined;
  return moment.time.getTime() > now.getTime() + CLOCKS_DIFFER_MS ? 'lies in the future' : undefined;
};

/**
 * The events of a stream as of a moment: those up to a position, or the prefix that ends at the last event with
 * `occurredAt` at or before a time (architecture.md, "Time, ids": order is position, always).
 */
export const prefixAsOf = <E extends Pick<RecordedEvent, 'position' | 'metadata'>>(
  events: readonly E[],
  moment: Moment,
): readonly E[] => {
  const isWithin = (recorded: E): boolean =>
    'position' in moment
      ? recorded.position <= moment.position
      : Date.parse(recorded.metadata.occurredAt) <= moment.time.getTime();
  return events.slice(0, events.findLastIndex(isWithin) + 1);
};
