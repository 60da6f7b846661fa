import { sufficientProofs } from '#libs/users/assurance.js';
import type { ProvenCredential } from '#libs/users/assurance.js';
import { loadAccount } from '#libs/users/queries/load-account.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import { loadWaysIn } from './providers-in-organization.js';

/**
 * The ways in by which a person can prove now that an account is theirs (domain.md, "Assurance"). Reads the streams at
 * the leader.
 */
export const loadSufficientProofs = async (
  store: EventStore,
  organizationId: string,
  userId: string,
): Promise<readonly ProvenCredential[]> => {
  const { state } = await loadAccount(store, userId);
  const { rules } = await loadWaysIn(store, organizationId);
  return sufficientProofs(state, rules);
};
