import { usableCredentials } from '#libs/accounts/credentials.js';
import { loadAccount } from '#libs/accounts/queries/load-account.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import { loadWaysIn } from '#libs/linking/queries/providers-in-organization.js';
import type { WaysIn } from '#libs/linking/queries/providers-in-organization.js';

/** Accounts that are read at the same time. */
const AT_ONCE = 16;

/**
 * How many active people hold a link to the provider and would have no usable way in without it (domain.md, "Settings that take ways in away").
 * Whom to look at comes from a read model, the one exception to the rule that decisions read streams (invariant 9); what they hold is read
 * from their streams. The provider's removal must be announced: from then on it counts for nobody.
 * @param linkedUsers ids of all who hold a link to the provider, page by page
 */
export const countPeopleWithoutWayIn = async (store: EventStore, linkedUsers: AsyncIterable<readonly string[]>): Promise<number> => {
  const organizations = new Map<string, Promise<WaysIn>>();
  const waysInOf = (organizationId: string): Promise<WaysIn> => {
    const loading = organizations.get(organizationId) ?? loadWaysIn(store, organizationId);
    organizations.set(organizationId, loading);
    return loading;
  };
  const losesTheLast = async (userId: string): Promise<boolean> => {
    const { state } = await loadAccount(store, userId);
    if (state.status !== 'active' || state.organizationId === undefined) return false;
    return usableCredentials(state, (await waysInOf(state.organizationId)).rules).length === 0;
  };
  let count = 0;
  for await (const page of linkedUsers) {
    for (let from = 0; from < page.length; from += AT_ONCE) {
      const answers = await Promise.all(page.slice(from, from + AT_ONCE).map(losesTheLast));
      count += answers.filter(Boolean).length;
    }
  }
  return count;
};
