import type { UserStreamEvent } from '#libs/users/state.js';
import { userStream } from '#libs/users/streams.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import type { RecordedEvent } from '#libs/event-store/recorded-event.js';
import type { Clock } from '#libs/platform/clock.js';
import { accountAsOf } from './account-as-of.js';
import type { AccountAsOf, Since } from './account-as-of.js';
import { differencesBetween } from './difference.js';
import type { Difference } from './difference.js';
import { notYet, prefixAsOf } from './moment.js';
import type { Moment } from './moment.js';
import { sessionsAsOf } from './sessions-as-of.js';
import type { SessionAsOf } from './sessions-as-of.js';

export interface AsOfAnswer extends AccountAsOf {
  readonly userId: string;
  /** The last event that the account was folded from; none where the user did not exist yet. */
  readonly asOf: Since | null;
  /** Only where they were asked for. */
  readonly sessions?: readonly SessionAsOf[];
}

export interface DifferenceAnswer {
  readonly userId: string;
  readonly from: Since | null;
  readonly to: Since | null;
  readonly differences: readonly Difference[];
}

/** Why there is no answer, by the parameter that names the moment. */
export interface MomentRefused {
  readonly kind: 'refused';
  readonly parameter: string;
  readonly detail: string;
}

interface Dependencies {
  readonly store: EventStore;
  readonly clock: Clock;
}

const readUser = async (store: EventStore, userId: string): Promise<readonly RecordedEvent<UserStreamEvent>[]> =>
  (await store.read(userStream(userId))) as readonly RecordedEvent<UserStreamEvent>[];

const placeOf = (recorded: RecordedEvent | undefined): Since | null =>
  recorded ? { position: recorded.position.toString(), occurredAt: recorded.metadata.occurredAt } : null;

const refusalOf = (parameter: string, moment: Moment, now: Date, end: bigint): MomentRefused | undefined => {
  const reason = notYet(moment, now, end);
  return reason === undefined ? undefined : { kind: 'refused', parameter, detail: `"${parameter}" ${reason}.` };
};

/**
 * A user's account as of a moment, folded from its stream and nothing else; its sessions, where asked for, from the
 * activity.
 * @param options.moment now, unless told
 */
export const readAccountAsOf = async (
  { store, clock }: Dependencies,
  userId: string,
  { moment, withSessions }: { readonly moment?: Moment | undefined; readonly withSessions: boolean },
): Promise<{ readonly kind: 'found'; readonly answer: AsOfAnswer } | MomentRefused> => {
  const now = clock();
  const end = await store.endOfLog();
  const refused = moment && refusalOf('asOf', moment, now, end);
  if (refused) return refused;
  const prefix = prefixAsOf(await readUser(store, userId), moment ?? { position: end });
  const account = accountAsOf(prefix);
  const answer: AsOfAnswer = { userId, asOf: placeOf(prefix.at(-1)), ...account };
  const { organizationId } = account;
  if (!withSessions || organizationId === null) return { kind: 'found', answer };
  const at =
    moment === undefined ? now : 'time' in moment ? moment.time : new Date(prefix.at(-1)?.metadata.occurredAt ?? now);
  return {
    kind: 'found',
    answer: {
      ...answer,
      sessions: await sessionsAsOf(store, { userId, organizationId }, moment ?? { position: end }, at),
    },
  };
};

/** What is different in a user's account as of one moment and as of a later one. */
export const readDifference = async (
  { store, clock }: Dependencies,
  userId: string,
  { from, to }: { readonly from: Moment; readonly to?: Moment | undefined },
): Promise<{ readonly kind: 'found'; readonly answer: DifferenceAnswer } | MomentRefused> => {
  const now = clock();
  const end = await store.endOfLog();
  const refused = refusalOf('from', from, now, end) ?? (to && refusalOf('to', to, now, end));
  if (refused) return refused;
  const events = await readUser(store, userId);
  const [before, after] = [prefixAsOf(events, from), prefixAsOf(events, to ?? { position: end })];
  if (before.length > after.length || isReversed(from, to))
    return { kind: 'refused', parameter: 'from', detail: '"from" is later than "to".' };
  return {
    kind: 'found',
    answer: {
      userId,
      from: placeOf(before.at(-1)),
      to: placeOf(after.at(-1)),
      differences: differencesBetween(accountAsOf(before), accountAsOf(after)),
    },
  };
};

const isReversed = (from: Moment, to: Moment | undefined): boolean => {
  if (!to) return false;
  if ('position' in from && 'position' in to) return from.position > to.position;
  return 'time' in from && 'time' in to && from.time > to.time;
};
