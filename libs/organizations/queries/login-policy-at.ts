import type { EventStore } from '#libs/event-store/event-store.js';
import type { RecordedEvent } from '#libs/event-store/recorded-event.js';
import { loginPolicySchema } from '../events.js';
import type { LoginPolicy, OrganizationEvent } from '../events.js';
import { organizationStream } from '../state.js';

/** The login policies that an organization has had: which one was in force behind a position of the log. */
export const loginPolicyAt = async (
  store: EventStore,
  organizationId: string,
): Promise<(position: bigint) => LoginPolicy> => {
  const events = (await store.read(organizationStream(organizationId))) as readonly RecordedEvent<OrganizationEvent>[];
  return (position) => {
    const before = events.filter((recorded) => recorded.position <= position).map(({ event }) => event);
    const changed = before.findLast((event) => event.type === 'LoginPolicyChanged');
    return changed?.data.policy ?? loginPolicySchema.parse({});
  };
};
