import { usableCredentials } from '#libs/users/credentials.js';
import { loadAccount } from '#libs/users/queries/load-account.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import { loadWaysIn } from './providers-in-organization.js';
import type { WaysIn } from './providers-in-organization.js';

/** Accounts that are read at the same time. */
const AT_ONCE = 16;

/**
 * How many active people have no usable way in left (domain.md, "Settings that take ways in away"). Whom to look at
 * comes from a read model, the one exception to the rule that decisions read streams (invariant 9); what they hold is
 * read from their streams. What is to be taken away must be announced: from then on it counts for nobody.
 * @param candidates ids of all who may be affected, page by page
 * @param onlyOf counts people of this organization only
 */
export const countPeopleWithoutWayIn = async (
  store: EventStore,
  candidates: AsyncIterable<readonly string[]>,
  onlyOf?: string,
): Promise<number> => {
  const organizations = new Map<string, Promise<WaysIn>>();
  const waysInOf = (organizationId: string): Promise<WaysIn> => {
    const loading = organizations.get(organizationId) ?? loadWaysIn(store, organizationId);
    organizations.set(organizationId, loading);
    return loading;
  };
  const losesTheLast = async (userId: string): Promise<boolean> => {
    const { state } = await loadAccount(store, userId);
    if (state.status !== 'active' || state.organizationId === undefined) return false;
    if (onlyOf !== undefined && state.organizationId !== onlyOf) return false;
    return usableCredentials(state, (await waysInOf(state.organizationId)).rules).length === 0;
  };
  let count = 0;
  for await (const page of candidates) {
    for (let from = 0; from < page.length; from += AT_ONCE) {
      const answers = await Promise.all(page.slice(from, from + AT_ONCE).map(losesTheLast));
      count += answers.filter(Boolean).length;
    }
  }
  return count;
};
