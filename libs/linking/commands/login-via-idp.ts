import { userStream } from '#libs/accounts/streams.js';
import { ContentionError, execute, load } from '#libs/event-store/command-execution.js';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import type { EventOf } from '#libs/event-store/event-definition.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import { decideLink } from '../decide.js';
import type { externalIdentityLinked } from '../events.js';
import { externalIdentityKey, externalIdentityStream } from '../external-identity.js';
import { decideLogin } from '../login-via-idp.js';
import type { FlowFacts, IdentityOwner } from '../login-via-idp.js';
import { linkingFold } from '../state.js';
import { Claims } from './claims.js';
import type { Ownership } from './claims.js';
import type { LoginResult, LoginViaIdp } from './login-via-idp.command.js';
import type { LinkingDependencies } from './linking-dependencies.js';
import { loadProvidersInOrganization } from './provider-in-organization.js';
import type { ProviderWithPolicy } from './provider-in-organization.js';

type Linked = EventOf<typeof externalIdentityLinked>['data'];
type Free = Extract<Ownership, { kind: 'free' }>;

const MAX_ATTEMPTS = 20;

/** Decides by the table and carries the decision out by the claim protocol; begins again when somebody else was first. */
export const loginViaIdp = async (dependencies: LinkingDependencies, { assertion, flow, context }: LoginViaIdp): Promise<LoginResult> => {
  const { store, indexKeys, newId } = dependencies;
  const claims = new Claims(dependencies);
  const { organizationId } = flow;
  /** The person is the actor of what is stored about them, so that their key protects it. */
  const as = (userId: string): CommandContext => ({ ...context, actor: { type: 'user', id: userId } });
  const identityKey = externalIdentityKey(indexKeys, { organizationId, ...assertion });

  const linkOf = (claimId: string, provider: ProviderWithPolicy, origin: Linked['provenance']['origin']): Linked => ({
    claimId,
    providerId: assertion.providerId,
    identityKey,
    issuer: assertion.issuer,
    subject: assertion.subject,
    nameAtProvider: assertion.claims.email ?? assertion.claims.preferredUsername ?? assertion.claims.name,
    provenance: {
      origin,
      proof: origin === 'self_service' ? 'assertion_and_reauthentication' : 'assertion',
      policyRevision: provider.policyRevision,
      assertionId: assertion.assertionId,
    },
  });

  /** A just-in-time user and its link, in one batch on a stream that nobody has written to. */
  const provision = async (free: Free, provider: ProviderWithPolicy): Promise<{ userId: string; claimId: string } | undefined> => {
    const userId = newId();
    const claimId = await claims.claim(identityKey, free.revision, userId, as(userId));
    if (claimId === undefined) return undefined;
    const { claims: asserted } = assertion;
    const appended = await store.append({
      stream: userStream(userId),
      expectedRevision: 'no_stream',
      events: [
        {
          type: 'UserProvisioned',
          data: {
            organizationId,
            providerId: assertion.providerId,
            displayName: asserted.name,
            givenName: asserted.givenName,
            familyName: asserted.familyName,
            email: asserted.email,
          },
        },
        { type: 'ExternalIdentityLinked', data: linkOf(claimId, provider, 'just_in_time') },
      ],
      context: as(userId),
      subject: userId,
    });
    // A conflict: somebody abandoned the claim, and this user id is dead.
    return appended.kind === 'appended' ? { userId, claimId } : undefined;
  };

  const link = async (
    free: Free,
    userId: string,
    provider: ProviderWithPolicy,
  ): Promise<{ userId: string; claimId: string } | undefined> => {
    const claimId = await claims.claim(identityKey, free.revision, userId, as(userId));
    if (claimId === undefined) return undefined;
    const { outcome } = await execute(store, {
      stream: userStream(userId),
      fold: linkingFold,
      decide: (state) => decideLink(state, linkOf(claimId, provider, 'self_service')),
      context: as(userId),
      subject: userId,
    });
    if (outcome === 'user_not_found') throw new Error(`${externalIdentityStream(identityKey)} was claimed for a user that does not exist`);
    return outcome === 'linked' ? { userId, claimId } : undefined;
  };

  const checkedFlow = await withFlowUserOf(store, flow, organizationId);
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const ownership = await claims.ownerOf(identityKey, context);
    // Read after the owner, so that what is allowed is as of the moment of linking (L8).
    const provider = (await loadProvidersInOrganization(store, organizationId, [assertion.providerId])).get(assertion.providerId);
    if (!provider) throw new Error(`No settings were loaded for ${assertion.providerId}`);
    const { row, outcome } = decideLogin({ provider, flow: checkedFlow, owner: ownerFacts(ownership, organizationId) });
    const answer = { row, policyRevision: provider.policyRevision, identityKey };
    if (ownership.kind === 'free' && outcome.kind === 'provision') {
      const provisioned = await provision(ownership, provider);
      if (provisioned) return { ...answer, outcome: { kind: 'provisioned', ...provisioned } };
    } else if (ownership.kind === 'free' && outcome.kind === 'link') {
      const linked = await link(ownership, outcome.userId, provider);
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
