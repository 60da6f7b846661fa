import { settlementOf } from '../state.js';
import type { Account, ClaimSettlement } from '../state.js';
import type { Decision } from '#libs/event-store/command-execution.js';
import type { EventOf } from '#libs/event-store/event-definition.js';
import type { claimAbandoned } from '../link-events.js';

/** Settles a claim that nobody came back for; what it became when it was settled meanwhile. */
export const decideAbandon = (
  account: Account,
  claimId: string,
): Decision<EventOf<typeof claimAbandoned>, Exclude<ClaimSettlement, 'unsettled'>> => {
  const settlement = settlementOf(account, claimId);
  if (settlement === 'unsettled')
    return { events: [{ type: 'ClaimAbandoned', data: { claimId } }], outcome: 'abandoned' };
  return { events: [], outcome: settlement };
};
