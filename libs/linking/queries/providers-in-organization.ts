import { assuranceOfAcr } from '#libs/users/assurance.js';
import type { AssuranceRules } from '#libs/users/assurance.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import { loadIdentityProvider } from '#libs/identity-providers/queries/load-identity-provider.js';
import { mayOffer } from '#libs/identity-providers/settings.js';
import type { LoginPolicy } from '#libs/organizations/events.js';
import { loadOrganization } from '#libs/organizations/queries/load-organization.js';
import { afterAnnounced } from '#libs/organizations/queries/after-announced.js';
import type { ProviderInOrganization } from '../login-via-idp.js';
import { linkingPolicySchema } from '#libs/organizations/linking-policy.js';

/** A provider as an organization sees it now, with the revision of the policy that applies. */
export interface ProviderWithPolicy extends ProviderInOrganization {
  /**
   * Its removal or withdrawal is announced: it counts for nobody as a way in that would be left (domain.md, "Settings
   * that take ways in away").
   */
  readonly beingRemoved: boolean;
  readonly policyRevision: string;
  /** The organization's authentication context classes, lowest first. */
  readonly acrValues: readonly string[];
}

/** What an organization allows now. */
export interface WaysIn {
  readonly loginPolicy: LoginPolicy;
  /** A provider as the organization sees it, offered or not. */
  readonly provider: (id: string) => ProviderWithPolicy;
  /** Which credentials count as usable, and how much they prove. */
  readonly rules: AssuranceRules;
}

type Organization = Awaited<ReturnType<typeof loadOrganization>>;

/** What applies to a provider that is not offered: nothing is allowed. */
const NOTHING_ALLOWED = linkingPolicySchema.parse({});

/**
 * Reads the streams at the leader; called at the moment of linking, not when the flow began (security row L8). Every
 * provider that is offered is among the rules, so that they also fit an account that gets a link while a command on it
 * is being decided.
 */
export const loadWaysIn = async (store: EventStore, organizationId: string): Promise<WaysIn> => {
  const organization = await loadOrganization(store, organizationId);
  const { loginPolicy, offered } = organization;
  const { password, recovery } = afterAnnounced(organization);
  const loaded = await Promise.all(
    [...offered.keys()].map(
      async (id) => [id, seenFrom(organization, organizationId, id, await loadIdentityProvider(store, id))] as const,
    ),
  );
  const providers = new Map(loaded);
  const provider = (id: string): ProviderWithPolicy => providers.get(id) ?? seenFrom(organization, organizationId, id);
  return {
    loginPolicy,
    provider,
    rules: {
      passwordAllowed: password,
      recoveryAllowed: recovery,
      isUsable: (id) => isUsable(provider(id)) && !provider(id).beingRemoved,
      granted: (id) => assuranceOfAcr(loginPolicy.acrValues ?? [], provider(id).policy.grantsAcr),
    },
  };
};

/** One provider as an organization sees it now. */
export const loadProviderInOrganization = async (
  store: EventStore,
  organizationId: string,
  id: string,
): Promise<ProviderWithPolicy> => {
  const [organization, state] = await Promise.all([
    loadOrganization(store, organizationId),
    loadIdentityProvider(store, id),
  ]);
  return seenFrom(organization, organizationId, id, state);
};

const seenFrom = (
  organization: Organization,
  organizationId: string,
  id: string,
  state?: Awaited<ReturnType<typeof loadIdentityProvider>>,
): ProviderWithPolicy => {
  const { loginPolicy, offered } = organization;
  const policy = offered.get(id)?.policy ?? NOTHING_ALLOWED;
  const isBeingTakenAway = loginPolicy.externalSignIn && !afterAnnounced(organization).provider(id);
  const beingRemoved = state?.removal.phase === 'announced' || isBeingTakenAway;
  return {
    id,
    active: state?.active === true,
    offered: offered.has(id) && state?.settings !== undefined && mayOffer(state.settings, organizationId),
    externalSignInAllowed: loginPolicy.externalSignIn,
    beingRemoved,
    // Whoever were created now would have it as the only way in, which is about to go.
    policy: beingRemoved ? { ...policy, creationAllowed: false } : policy,
    acrValues: loginPolicy.acrValues ?? [],
    policyRevision: `organization-${organizationId}@${offered.get(id)?.policyRevision ?? 'none'}`,
  };
};

/** Whether people may sign in through it. */
export const isUsable = ({ active, offered, externalSignInAllowed }: ProviderInOrganization): boolean =>
  active && offered && externalSignInAllowed;
