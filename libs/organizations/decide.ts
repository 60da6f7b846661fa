import { isDeepStrictEqual } from 'node:util';
import type { Decision } from '#libs/event-store/command-execution.js';
import type { OrganizationEvent } from './events.js';
import type { OrganizationSettings } from './settings.js';
import type { Organization } from './state.js';

/** The events that turn the organization as it is into what is declared; none when it is so already. */
export const decideOrganization = (state: Organization, declared: OrganizationSettings): Decision<OrganizationEvent, 'applied'> => {
  const events: OrganizationEvent[] = [];
  if (state.displayName === undefined) events.push({ type: 'OrganizationCreated', data: { displayName: declared.displayName } });
  else if (state.displayName !== declared.displayName)
    events.push({ type: 'OrganizationRenamed', data: { displayName: declared.displayName } });
  if (!isDeepStrictEqual(state.loginPolicy, declared.loginPolicy))
    events.push({ type: 'LoginPolicyChanged', data: { policy: declared.loginPolicy } });
  if (!isDeepStrictEqual(state.branding, declared.branding))
    events.push({ type: 'BrandingChanged', data: { branding: declared.branding } });
  for (const { id, policy } of declared.identityProviders) {
    if (!isDeepStrictEqual(state.offered.get(id)?.policy, policy))
      events.push({ type: 'IdentityProviderOffered', data: { providerId: id, policy } });
  }
  const declaredIds = new Set(declared.identityProviders.map(({ id }) => id));
  for (const id of state.offered.keys()) {
    if (!declaredIds.has(id)) events.push({ type: 'IdentityProviderWithdrawn', data: { providerId: id } });
  }
  return { events, outcome: 'applied' };
};
