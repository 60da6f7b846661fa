import type { EventStore } from '#libs/event-store/event-store.js';
import { loadIdentityProvider } from '#libs/identity-providers/queries/load-identity-provider.js';
import { loadOrganization } from '#libs/organizations/queries/load-organization.js';
import type { ProviderInOrganization } from '../login-via-idp.js';
import { linkingPolicySchema } from '../policy.js';

/** A provider as an organization sees it now, with the revision of the policy that applies. */
export interface ProviderWithPolicy extends ProviderInOrganization {
  readonly policyRevision: string;
}

/** What applies to a provider that is not offered: nothing is allowed. */
const NOTHING_ALLOWED = linkingPolicySchema.parse({});

/** Reads both streams at the leader; called at the moment of linking, not when the flow began (security row L8). */
export const loadProvidersInOrganization = async (
  store: EventStore,
  organizationId: string,
  providerIds: readonly string[],
): Promise<ReadonlyMap<string, ProviderWithPolicy>> => {
  const ids = [...new Set(providerIds)];
  const [organization, ...providers] = await Promise.all([
    loadOrganization(store, organizationId),
    ...ids.map((id) => loadIdentityProvider(store, id)),
  ]);
  return new Map(
    ids.map((id, i) => {
      const offered = organization.offered.get(id);
      return [
        id,
        {
          id,
          active: providers[i]?.active === true,
          offered: offered !== undefined,
          externalSignInAllowed: organization.loginPolicy.externalSignIn,
          policy: offered?.policy ?? NOTHING_ALLOWED,
          policyRevision: `organization-${organizationId}@${offered?.policyRevision ?? 'none'}`,
        },
      ];
    }),
  );
};

export const isUsable = (provider: ProviderInOrganization | undefined): boolean =>
  provider !== undefined && provider.active && provider.offered && provider.externalSignInAllowed;
