import { userStream } from '#libs/accounts/streams.js';
import { ContentionError, load } from '#libs/event-store/command-execution.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import { externalIdentityKey, externalIdentityStream } from '../external-identity.js';
import { decideLogin } from '../login-via-idp.js';
import type { FlowFacts, IdentityOwner } from '../login-via-idp.js';
import { linkingFold } from '../state.js';
import { Claims } from './claims.js';
import type { Ownership } from './claims.js';
import { linkExternalIdentity, provisionUser } from './link-external-identity.js';
import type { Attempt } from './link-external-identity.js';
import type { LoginResult, LoginViaIdp } from './login-via-idp.command.js';
import type { LinkingDependencies } from './linking-dependencies.js';
import { loadProvidersInOrganization } from './provider-in-organization.js';

const MAX_ATTEMPTS = 20;

/** Decides by the table and carries the decision out by the claim protocol; begins again when somebody else was first. */
export const loginViaIdp = async (dependencies: LinkingDependencies, { assertion, flow, context }: LoginViaIdp): Promise<LoginResult> => {
  const { store, indexKeys } = dependencies;
  const claims = new Claims(dependencies);
  const { organizationId } = flow;
  const identityKey = externalIdentityKey(indexKeys, { organizationId, ...assertion });

  const attempt: Attempt = { dependencies, claims, identityKey, assertion, organizationId, context };

  const checkedFlow = await withFlowUserOf(store, flow, organizationId);
  for (let tries = 0; tries < MAX_ATTEMPTS; tries += 1) {
    const ownership = await claims.ownerOf(identityKey, context);
    // Read after the owner, so that what is allowed is as of the moment of linking (L8).
    const provider = (await loadProvidersInOrganization(store, organizationId, [assertion.providerId])).get(assertion.providerId);
    if (!provider) throw new Error(`No settings were loaded for ${assertion.providerId}`);
    const { row, outcome } = decideLogin({ provider, flow: checkedFlow, owner: ownerFacts(ownership, organizationId) });
    const answer = { row, policyRevision: provider.policyRevision, identityKey };
    if (ownership.kind === 'free' && outcome.kind === 'provision') {
      const provisioned = await provisionUser(attempt, ownership.revision, provider);
      if (provisioned) return { ...answer, outcome: { kind: 'provisioned', ...provisioned } };
    } else if (ownership.kind === 'free' && outcome.kind === 'link') {
      const linked = await linkExternalIdentity(attempt, ownership.revision, provider, outcome.userId);
      if (linked) return { ...answer, outcome: { kind: 'linked', ...linked } };
    } else if (outcome.kind !== 'provision' && outcome.kind !== 'link') {
      return { ...answer, outcome };
    }
  }
  throw new ContentionError(externalIdentityStream(identityKey));
};

/** A link is for a user of the organization that the flow runs in; any other intent is not valid there (invariant 11). */
const withFlowUserOf = async (store: EventStore, flow: FlowFacts, organizationId: string): Promise<FlowFacts> => {
  if (flow.kind !== 'link') return flow;
  const { state } = await load(store, userStream(flow.userId), linkingFold);
  return { ...flow, valid: flow.valid && state.organizationId === organizationId };
};

const ownerFacts = (ownership: Ownership, organizationId: string): IdentityOwner | undefined =>
  ownership.kind === 'free'
    ? undefined
    : { userId: ownership.userId, claimId: ownership.claimId, maySignIn: ownership.owner.organizationId === organizationId };
