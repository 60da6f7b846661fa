import { isDeepStrictEqual } from 'node:util';
import { decideUpdateProfile } from '#libs/users/decide.js';
import { executeOnAccount } from '#libs/users/execute-on-account.js';
import { loadAccount } from '#libs/users/queries/load-account.js';
import { hasCountingLink, isTakenAway, maySignIn, seenAt } from '#libs/users/state.js';
import type { Account } from '#libs/users/state.js';
import type { Ownership } from '#libs/users/claims/claims.js';
import { ContentionError } from '#libs/event-store/command-execution.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import { decideLogin } from '../login-via-idp.js';
import type { FlowFacts, IdentityOwner, LoginOutcome } from '../login-via-idp.js';
import { loadProviderInOrganization } from '../queries/providers-in-organization.js';
import type { ProviderWithPolicy } from '../queries/providers-in-organization.js';
import { beginAttempt } from './attempt.js';
import type { Attempt } from './attempt.js';
import { findMatches } from './find-matches.js';
import type { FoundMatches } from './find-matches.js';
import { linkExternalIdentity, provisionUser, SELF_SERVICE } from './link-external-identity.js';
import type { LinkMade } from './link-external-identity.js';
import type { LoginResult, LoginViaIdp } from './login-via-idp.command.js';
import type { LinkingDependencies } from './linking-dependencies.js';

const MAX_ATTEMPTS = 20;
const NO_MATCHES: FoundMatches = {
  matches: { usernameAsserted: false },
  seenAgain: () => ({ usernameAsserted: false }),
};

/**
 * Decides by the table and carries the decision out by the claim protocol; begins again when somebody else was first.
 */
export const loginViaIdp = async (
  dependencies: LinkingDependencies,
  { assertion, flow, context }: LoginViaIdp,
): Promise<LoginResult> => {
  const { store } = dependencies;
  const { organizationId } = flow;
  const attempt = beginAttempt(dependencies, assertion, organizationId, context);
  const { claims, identity, identityKey } = attempt;

  for (let tries = 0; tries < MAX_ATTEMPTS; tries += 1) {
    const checkedFlow = await withFlowUserOf(store, flow, organizationId);
    const ownership = await claims.ownerOf(identity, context);
    // Read after the owner, so that what is allowed is as of the moment of linking (L8).
    const provider = await loadProviderInOrganization(store, organizationId, assertion.providerId);
    const found =
      ownership.kind === 'free' && flow.kind === 'sign_in' ? await findMatches(attempt, provider) : NO_MATCHES;
    const facts = { provider, flow: checkedFlow, owner: ownerFacts(ownership, organizationId), matches: found.matches };
    const { row, outcome } = decideLogin(facts);
    const answer = { row, policyRevision: provider.policyRevision, identityKey };
    if (ownership.kind === 'owned' || !makesLink(outcome)) {
      if (makesLink(outcome)) throw new Error(`Row ${row} links an identity that is owned`);
      if (outcome.kind === 'sign_in' && outcome.updateProfile) await updateProfile(attempt, outcome.userId);
      if (ownership.kind === 'free') return { ...answer, outcome };
      return {
        ...answer,
        outcome,
        ownerId: ownership.userId,
        account: seenAt(ownership.owner, ownership.ownerRevision),
      };
    }
    // The account is looked at once more when it is linked: what it was found by, or the session, may have been given
    // up meanwhile.
    const mayLink = (account: Account): boolean =>
      outcome.kind === 'link_automatically'
        ? isDeepStrictEqual(decideLogin({ ...facts, matches: found.seenAgain(outcome.by, account) }).outcome, outcome)
        : !isInLostSession(flow, account);
    const made = await makeLink(attempt, ownership, provider, outcome, mayLink);
    if (made) {
      const { state, revision } = await loadAccount(store, made.userId);
      return { ...answer, outcome: { kind: RESULT_OF[outcome.kind], ...made }, account: seenAt(state, revision) };
    }
  }
  throw new ContentionError(identity.stream);
};

type LinkingOutcome = Extract<LoginOutcome, { kind: 'provision' | 'link' | 'link_automatically' }>;

const RESULT_OF = { provision: 'provisioned', link: 'linked', link_automatically: 'linked_automatically' } as const;

const AUTOMATIC = {
  email: { origin: 'automatic_by_email', proof: 'assertion' },
  username: { origin: 'automatic_by_username', proof: 'assertion' },
} as const;

const makesLink = (outcome: LoginOutcome): outcome is LinkingOutcome => outcome.kind in RESULT_OF;

const makeLink = (
  attempt: Attempt,
  { revision }: Extract<Ownership, { kind: 'free' }>,
  provider: ProviderWithPolicy,
  outcome: LinkingOutcome,
  mayLink: (account: Account) => boolean,
): Promise<LinkMade> => {
  switch (outcome.kind) {
    case 'provision':
      return provisionUser(attempt, revision, provider);
    case 'link':
      return linkExternalIdentity(attempt, revision, provider, outcome.userId, SELF_SERVICE, mayLink);
    case 'link_automatically':
      return linkExternalIdentity(attempt, revision, provider, outcome.userId, AUTOMATIC[outcome.by], mayLink);
  }
};

/** The name is the provider's to say; an e-mail address is only ever changed by being verified (L12, L15). */
const updateProfile = async (
  { dependencies, assertion, organizationId, context }: Attempt,
  userId: string,
): Promise<void> => {
  const { name: displayName, givenName, familyName } = assertion.claims;
  if (displayName === undefined) return;
  await executeOnAccount(dependencies.store, {
    userId,
    organizationId,
    context: { ...context, actor: { type: 'provider', id: assertion.providerId } },
    decide: (account) =>
      decideUpdateProfile(account, { providerId: assertion.providerId, displayName, givenName, familyName }),
  });
};

/**
 * A link is for an active user of the organization that the flow runs in; any other intent is not valid there
 * (invariant 11).
 */
const withFlowUserOf = async (store: EventStore, flow: FlowFacts, organizationId: string): Promise<FlowFacts> => {
  if (flow.kind !== 'link') return flow;
  const { state } = await loadAccount(store, flow.userId);
  return { ...flow, valid: flow.valid && maySignIn(state, organizationId) && !isInLostSession(flow, state) };
};

const isInLostSession = (flow: FlowFacts, account: Account): boolean =>
  flow.kind === 'link' && flow.inSession !== undefined && isTakenAway(account, flow.inSession);

const ownerFacts = (ownership: Ownership, organizationId: string): IdentityOwner | undefined =>
  ownership.kind === 'free'
    ? undefined
    : {
        userId: ownership.userId,
        claimId: ownership.claimId,
        maySignIn: maySignIn(ownership.owner, organizationId),
        onHold: !hasCountingLink(ownership.owner, ownership.claimId),
      };
