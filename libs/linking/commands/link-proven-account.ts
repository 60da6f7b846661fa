import { isAmong, sufficientProofs } from '#libs/users/assurance.js';
import { loadAccount } from '#libs/users/queries/load-account.js';
import { maySignIn, seenAt } from '#libs/users/state.js';
import type { Account } from '#libs/users/state.js';
import { ContentionError } from '#libs/event-store/command-execution.js';
import { decideProvenLink } from '../decide.js';
import { loadWaysIn } from '../queries/providers-in-organization.js';
import { beginAttempt } from './attempt.js';
import { linkExternalIdentity, SELF_SERVICE } from './link-external-identity.js';
import type { LinkingDependencies } from './linking-dependencies.js';
import type { LinkProvenAccount, LinkProvenAccountResult } from './link-proven-account.command.js';

const MAX_ATTEMPTS = 20;

/** Links under the policy as of this moment (L8); begins again when somebody else was first. */
export const linkProvenAccount = async (
  dependencies: LinkingDependencies,
  { assertion, organizationId, userId, proven, seen, candidateId, context }: LinkProvenAccount,
): Promise<LinkProvenAccountResult> => {
  const { store } = dependencies;
  const attempt = beginAttempt(dependencies, assertion, organizationId, context);
  for (let tries = 0; tries < MAX_ATTEMPTS; tries += 1) {
    const ownership = await attempt.claims.ownerOf(attempt.identity, context);
    const { state, revision } = await loadAccount(store, userId);
    const waysIn = await loadWaysIn(store, organizationId);
    const provider = waysIn.provider(assertion.providerId);
    const stillKnown = (account: Account): boolean => account.credentialEpoch === seen.credentialEpoch;
    const isProven = (account: Account): boolean => isAmong(sufficientProofs(account, waysIn.rules), proven);
    const decision = decideProvenLink({
      provider,
      userId,
      maySignIn: maySignIn(state, organizationId) && stillKnown(state),
      provesEnough: isProven(state),
      isCandidate: candidateId === userId,
      ownerId: ownership.kind === 'owned' ? ownership.userId : undefined,
    });
    if (decision.kind === 'refused') return decision;
    if (ownership.kind === 'owned')
      return { kind: 'linked', userId, claimId: ownership.claimId, account: seenAt(state, revision) };
    const made = await linkExternalIdentity(
      attempt,
      ownership.revision,
      provider,
      userId,
      SELF_SERVICE,
      (account) => stillKnown(account) && isProven(account),
    );
    if (made) {
      const after = await loadAccount(store, userId);
      return { kind: 'linked', ...made, account: seenAt(after.state, after.revision) };
    }
  }
  throw new ContentionError(attempt.identity.stream);
};
