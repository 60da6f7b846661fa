import type { EventStore } from '#libs/event-store/event-store.js';
import { loadIdentityProvider } from '#libs/identity-providers/queries/load-identity-provider.js';
import { mayOffer } from '#libs/identity-providers/settings.js';
import type { IdentityProviderSettings } from '#libs/identity-providers/settings.js';
import { afterAnnounced } from '#libs/organizations/queries/after-announced.js';
import { loadOrganization } from '#libs/organizations/queries/load-organization.js';
import type { LoginPolicy } from '#libs/organizations/events.js';
import type { LinkingPolicy } from '#libs/organizations/linking-policy.js';
import type { Branding } from '#libs/web/branding.js';

export interface OfferedProvider {
  readonly settings: IdentityProviderSettings;
  readonly policy: LinkingPolicy;
}

export interface OfferedWaysIn {
  /** Nothing of an organization that does not exist. */
  readonly exists: boolean;
  readonly organizationName: string;
  readonly branding: Branding;
  readonly loginPolicy: LoginPolicy;
  readonly providers: readonly OfferedProvider[];
}

/** The providers that people of an organization may use now, in the organization's order, and what it is called. */
export const loadOfferedProviders = async (store: EventStore, organizationId: string): Promise<OfferedWaysIn> => {
  const organization = await loadOrganization(store, organizationId);
  const offered = organization.loginPolicy.externalSignIn ? [...organization.offered] : [];
  const loaded = await Promise.all(
    offered.map(async ([id, { policy }]) => ({ ...(await loadIdentityProvider(store, id)), policy })),
  );
  const organizationName = organization.displayName ?? organizationId;
  return {
    exists: organization.displayName !== undefined,
    organizationName,
    branding: { organizationName, ...organization.branding },
    // Whoever registered now would have the password as the only way in, which may be about to go.
    loginPolicy: {
      ...organization.loginPolicy,
      registration: organization.loginPolicy.registration && afterAnnounced(organization).password,
    },
    providers: loaded.flatMap(({ settings, active, policy }) =>
      settings && active && mayOffer(settings, organizationId) ? [{ settings, policy }] : [],
    ),
  };
};
