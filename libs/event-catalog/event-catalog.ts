import { accountEvents, reservationEvents } from '#libs/users/events.js';
import { auditEvents } from '#libs/audit-access/events.js';
import { createEventCatalog } from '#libs/event-store/event-catalog.js';
import { secretEvents } from '#libs/event-store/installation-secrets.js';
import { identityProviderEvents } from '#libs/identity-providers/events.js';
import { claimEvents, linkEvents } from '#libs/users/link-events.js';
import { grantEvents } from '#libs/openid-provider/events.js';
import { organizationEvents } from '#libs/organizations/events.js';
import { relyingPartyEvents } from '#libs/relying-parties/events.js';
import { activityEvents, attemptEvents } from '#libs/sign-in/events.js';

/** Every event of Ligature: what any process can read or write. */
export const eventCatalog = createEventCatalog(
  accountEvents,
  reservationEvents,
  claimEvents,
  linkEvents,
  activityEvents,
  attemptEvents,
  organizationEvents,
  identityProviderEvents,
  relyingPartyEvents,
  grantEvents,
  secretEvents,
  auditEvents,
);
