import type { AccountEvent } from '#libs/accounts/events.js';
import type { Fold } from '#libs/event-store/command-execution.js';
import type { LinkEvent } from './events.js';

/** What became of a claim, by the owner's stream: the first event naming it settles it; an unlink ends what was linked. */
export type ClaimSettlement = 'unsettled' | 'linked' | 'abandoned' | 'unlinked';

export interface Link {
  readonly claimId: string;
  readonly providerId: string;
  readonly identityKey: string;
}

/** Everything that `user-<id>` holds. */
export type UserStreamEvent = AccountEvent | LinkEvent;

/** What linking decides from: the fold of `user-<id>`. */
export interface LinkingState {
  /** The organization that the user belongs to; `undefined` until the user exists (a dead id never gets one). */
  readonly organizationId: string | undefined;
  readonly settlements: ReadonlyMap<string, Exclude<ClaimSettlement, 'unsettled'>>;
  /** Live links, in the order in which they were made. */
  readonly links: readonly Link[];
  /** What each command linked or unlinked, by command id: a repeated command answers what was decided then. */
  readonly commands: ReadonlyMap<string, UserStreamEvent>;
}

const withEntry = <K, V>(map: ReadonlyMap<K, V>, key: K, value: V): ReadonlyMap<K, V> => new Map(map).set(key, value);

export const linkingFold: Fold<LinkingState, UserStreamEvent> = {
  initial: { organizationId: undefined, settlements: new Map(), links: [], commands: new Map() },
  evolve: (state, event, { metadata }) => {
    if (event.type === 'UserProvisioned') return { ...state, organizationId: event.data.organizationId };
    const { claimId } = event.data;
    const commands = withEntry(state.commands, metadata.commandId, event);
    const settled = state.settlements.get(claimId);
    switch (event.type) {
      case 'ExternalIdentityLinked': {
        if (settled) return state;
        const { providerId, identityKey } = event.data;
        return {
          ...state,
          commands,
          settlements: withEntry(state.settlements, claimId, 'linked'),
          links: [...state.links, { claimId, providerId, identityKey }],
        };
      }
      case 'ClaimAbandoned':
        return settled ? state : { ...state, settlements: withEntry(state.settlements, claimId, 'abandoned') };
      case 'ExternalIdentityUnlinked':
        if (settled !== 'linked') return state;
        return {
          ...state,
          commands,
          settlements: withEntry(state.settlements, claimId, 'unlinked'),
          links: state.links.filter((link) => link.claimId !== claimId),
        };
    }
  },
};

export const settlementOf = (state: LinkingState, claimId: string): ClaimSettlement => state.settlements.get(claimId) ?? 'unsettled';

/** Whether the user exists. A user id that only ever saw an abandoned claim is dead. */
export const exists = (state: LinkingState): boolean => state.organizationId !== undefined;
