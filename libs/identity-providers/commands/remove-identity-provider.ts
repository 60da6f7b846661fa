import type { CommandContext } from '#libs/event-store/event-metadata.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import type { Clock } from '#libs/platform/clock.js';
import { SETTLED_AFTER_MS } from '#libs/platform/deadline.js';
import { decideAnnounceRemoval, decideCancelRemoval, decideCommitRemoval } from '../decide.js';
import type { ProviderRefusalCode } from '../decide.js';
import { loadIdentityProvider } from '../queries/load-identity-provider.js';
import { changeIdentityProvider } from './change-identity-provider.js';

export interface RemovalDependencies {
  readonly store: EventStore;
  readonly clock: Clock;
  /**
   * Ids of all who hold a link to the provider, page by page, once the read model has passed everything that was stored
   * until now.
   */
  readonly linkedUsers: (providerId: string) => AsyncIterable<readonly string[]>;
  /** How many of these users have no usable sign-in method left; what is announced counts as gone. */
  readonly countUsersWithoutMethod: (
    store: EventStore,
    candidates: AsyncIterable<readonly string[]>,
  ) => Promise<number>;
}

export type RemovalOutcome =
  | { readonly kind: 'removed'; readonly peopleWithoutWayIn: number }
  /** Nothing was removed; the removal stays announced, to be committed with force or cancelled. */
  | { readonly kind: 'would_take_last_way_in'; readonly peopleWithoutWayIn: number }
  | { readonly kind: 'not_settled'; readonly waitMs: number }
  | { readonly kind: 'refused'; readonly code: ProviderRefusalCode };

/** Phase one: from here on it counts for nobody; nothing else changes. */
export const announceRemoval = async ({ store }: RemovalDependencies, id: string, context: CommandContext) =>
  (await changeIdentityProvider(store, id, decideAnnounceRemoval, context)).outcome;

export const cancelRemoval = async ({ store }: RemovalDependencies, id: string, context: CommandContext) =>
  (await changeIdentityProvider(store, id, decideCancelRemoval, context)).outcome;

/**
 * Phase two: once everything that began before has ended, the people who would lose their last way in are counted, and
 * it is removed or not.
 */
export const commitRemoval = async (
  { store, clock, linkedUsers, countUsersWithoutMethod }: RemovalDependencies,
  id: string,
  { force }: { readonly force: boolean },
  context: CommandContext,
): Promise<RemovalOutcome> => {
  const { removal } = await loadIdentityProvider(store, id);
  if (removal.phase !== 'announced')
    return { kind: 'refused', code: removal.phase === 'done' ? 'provider_removed' : 'removal_not_announced' };
  // Commands that began before the announcement may still believe that the provider will be there.
  const waitMs = removal.at.getTime() + SETTLED_AFTER_MS - clock().getTime();
  if (waitMs > 0) return { kind: 'not_settled', waitMs };
  const peopleWithoutWayIn = await countUsersWithoutMethod(store, linkedUsers(id));
  const counted = { announcedAt: removal.at, peopleWithoutWayIn, force };
  const { outcome } = await changeIdentityProvider(store, id, decideCommitRemoval(counted), context);
  if (outcome.kind === 'done') return { kind: 'removed', peopleWithoutWayIn };
  return outcome.code === 'people_would_lose_their_last_way_in'
    ? { kind: 'would_take_last_way_in', peopleWithoutWayIn }
    : outcome;
};
