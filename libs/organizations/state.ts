import type { Fold } from '#libs/event-store/command-execution.js';
import type { LinkingPolicy } from './linking-policy.js';
import { streamName } from '#libs/event-store/stream-name.js';
import type { StreamName } from '#libs/event-store/stream-name.js';
import { loginPolicySchema } from './events.js';
import type { LoginPolicy, OrganizationBranding, OrganizationEvent, Restriction } from './events.js';

export interface OfferedProvider {
  readonly policy: LinkingPolicy;
  /** Revision of the organization's stream that set the policy; provenance of what is decided by it. */
  readonly policyRevision: bigint;
}

export interface Organization {
  readonly displayName: string | undefined;
  readonly loginPolicy: LoginPolicy;
  readonly branding: OrganizationBranding;
  /** Offered identity providers, in the order in which they were first offered. */
  readonly offered: ReadonlyMap<string, OfferedProvider>;
  /** Ways in that are to be taken away, and since when that is announced. */
  readonly announced?: { readonly restriction: Restriction; readonly at: Date } | undefined;
}

export const organizationStream = (id: string): StreamName => streamName('organization', id);

export const organizationFold: Fold<Organization, OrganizationEvent> = {
  initial: { displayName: undefined, loginPolicy: loginPolicySchema.parse({}), branding: {}, offered: new Map() },
  evolve: (state, event, { revision, metadata }) => {
    switch (event.type) {
      case 'OrganizationCreated':
      case 'OrganizationRenamed':
        return { ...state, displayName: event.data.displayName };
      case 'LoginPolicyChanged':
        return { ...state, loginPolicy: event.data.policy };
      case 'BrandingChanged':
        return { ...state, branding: event.data.branding };
      case 'IdentityProviderOffered':
        return {
          ...state,
          offered: new Map(state.offered).set(event.data.providerId, {
            policy: event.data.policy,
            policyRevision: revision,
          }),
        };
      case 'IdentityProviderWithdrawn':
        return { ...state, offered: new Map([...state.offered].filter(([id]) => id !== event.data.providerId)) };
      case 'RestrictionAnnounced':
        return { ...state, announced: { restriction: event.data.restriction, at: new Date(metadata.occurredAt) } };
      case 'RestrictionCancelled':
      case 'RestrictionCommitted':
        return { ...state, announced: undefined };
    }
  },
};
