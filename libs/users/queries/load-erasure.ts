import type { EventStore } from '#libs/event-store/event-store.js';
import { exists } from '../state.js';
import { loadAccount } from './load-account.js';

/** How far the erasure of a person is. */
export interface Erasure {
  readonly status: 'in_progress' | 'done';
  /**
   * What has to do its part: the process manager, which finishes what a command began; then read models, by name, which
   * may show the person until they do.
   */
  readonly waitingFor: readonly string[];
}

/** Which read models may still show a person, as of the position of their `UserErased`; may wait for them. */
export type ReadModelsShowing = (position: bigint) => Promise<readonly string[]>;

const WAITS_FOR_KEY: Erasure = { status: 'in_progress', waitingFor: ['process manager'] };

/**
 * An erasure is done when nothing shows the person any more, not when the events say so (security row T2).
 * @returns nothing where there is no such user in the organization, or no erasure of theirs
 */
export const loadErasure = async (
  store: EventStore,
  { userId, organizationId }: { readonly userId: string; readonly organizationId: string },
  readModelsShowing: ReadModelsShowing,
): Promise<Erasure | undefined> => {
  const { state, position } = await loadAccount(store, userId);
  if (!exists(state) || state.organizationId !== organizationId) return undefined;
  if (state.status === 'erasing') return WAITS_FOR_KEY;
  if (state.status !== 'erased') return undefined;
  const waitingFor = await readModelsShowing(position);
  return { status: waitingFor.length === 0 ? 'done' : 'in_progress', waitingFor };
};
