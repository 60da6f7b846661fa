import type { CredentialRules } from '#libs/accounts/credentials.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import { loadIdentityProvider } from '#libs/identity-providers/queries/load-identity-provider.js';
import type { LoginPolicy } from '#libs/organizations/events.js';
import { loadOrganization } from '#libs/organizations/queries/load-organization.js';
import type { ProviderInOrganization } from '../login-via-idp.js';
import { linkingPolicySchema } from '../policy.js';

/** A provider as an organization sees it now, with the revision of the policy that applies. */
export interface ProviderWithPolicy extends ProviderInOrganization {
  readonly policyRevision: string;
}

/** What an organization allows now. */
export interface WaysIn {
  readonly loginPolicy: LoginPolicy;
  readonly providers: ReadonlyMap<string, ProviderWithPolicy>;
  /** Which credentials count as usable. */
  readonly rules: CredentialRules;
}

/** What applies to a provider that is not offered: nothing is allowed. */
const NOTHING_ALLOWED = linkingPolicySchema.parse({});

/** Reads the streams at the leader; called at the moment of linking, not when the flow began (security row L8). */
export const loadWaysIn = async (store: EventStore, organizationId: string, providerIds: readonly string[]): Promise<WaysIn> => {
  const ids = [...new Set(providerIds)];
  const [organization, ...loaded] = await Promise.all([
    loadOrganization(store, organizationId),
    ...ids.map((id) => loadIdentityProvider(store, id)),
  ]);
  const { loginPolicy } = organization;
  const providers = new Map(
    ids.map((id, i): [string, ProviderWithPolicy] => {
      const offered = organization.offered.get(id);
      return [
        id,
        {
          id,
          active: loaded[i]?.active === true,
          offered: offered !== undefined,
          externalSignInAllowed: loginPolicy.externalSignIn,
          policy: offered?.policy ?? NOTHING_ALLOWED,
          policyRevision: `organization-${organizationId}@${offered?.policyRevision ?? 'none'}`,
        },
      ];
    }),
  );
  return {
    loginPolicy,
    providers,
    rules: {
      passwordAllowed: loginPolicy.password,
      recoveryAllowed: loginPolicy.recovery,
      isUsable: (providerId) => isUsable(providers.get(providerId)),
    },
  };
};

/** One provider as an organization sees it now. */
export const loadProviderInOrganization = async (store: EventStore, organizationId: string, id: string): Promise<ProviderWithPolicy> => {
  const provider = (await loadWaysIn(store, organizationId, [id])).providers.get(id);
  if (!provider) throw new Error(`No settings were loaded for ${id}`);
  return provider;
};

/** Whether people may sign in through it. */
export const isUsable = (provider: ProviderInOrganization | undefined): boolean =>
  provider !== undefined && provider.active && provider.offered && provider.externalSignInAllowed;
