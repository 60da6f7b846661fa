import { enrolledAssurance } from '#libs/accounts/assurance.js';
import { parseEmailAddress } from '#libs/accounts/email-address.js';
import type { Account } from '#libs/accounts/state.js';
import { usernameKey, usernameStream, verifiedEmailKey, verifiedEmailStream } from '#libs/accounts/streams.js';
import { parseUsername } from '#libs/accounts/username.js';
import { claimableEmail, claimableUsername } from '#libs/claims/claimable.js';
import type { Claimable } from '#libs/claims/claimable.js';
import type { Candidate, Matches } from '../login-via-idp.js';
import { trustsEmailDomain } from '../policy.js';
import { loadProviderInOrganization, loadWaysIn } from '../queries/providers-in-organization.js';
import type { ProviderWithPolicy } from '../queries/providers-in-organization.js';
import type { Attempt } from './attempt.js';

/** Looks for users whom the identity might belong to, by what the policy allows to look by; from the streams that hold who owns what. */
export const findMatches = async (attempt: Attempt, provider: ProviderWithPolicy): Promise<Matches> => {
  const { assertion, organizationId, dependencies } = attempt;
  const { indexKeys } = dependencies;
  const email = provider.policy.autoLink.includes('email') ? verifiedAddressOf(attempt, provider) : undefined;
  const username = provider.policy.autoLink.includes('username') ? parseUsername(assertion.claims.preferredUsername) : undefined;
  const [byEmail, byUsername] = await Promise.all([
    email && candidateFor(attempt, claimableEmail(verifiedEmailStream(verifiedEmailKey(indexKeys, organizationId, email.canonical)))),
    username?.kind === 'ok'
      ? candidateFor(attempt, claimableUsername(usernameStream(usernameKey(indexKeys, organizationId, username.canonical))))
      : undefined,
  ]);
  return { byEmail, byUsername, usernameAsserted: username?.kind === 'ok' };
};

/** The asserted address, when the provider says that it is verified and is believed about its domain (L5). */
export const verifiedAddressOf = (
  { assertion }: Pick<Attempt, 'assertion'>,
  { policy }: Pick<ProviderWithPolicy, 'policy'>,
): { readonly address: string; readonly canonical: string; readonly domain: string } | undefined => {
  const { email, emailVerified } = assertion.claims;
  if (email === undefined || !emailVerified) return undefined;
  const parsed = parseEmailAddress(email);
  return parsed.kind === 'ok' && trustsEmailDomain(policy, parsed.domain) ? parsed : undefined;
};

const candidateFor = async (attempt: Attempt, thing: Claimable): Promise<Candidate | undefined> => {
  const ownership = await attempt.claims.ownerOf(thing, attempt.context);
  if (ownership.kind === 'free') return undefined;
  const { owner, userId } = ownership;
  const { providerId } = attempt.assertion;
  return {
    userId,
    active: owner.status === 'active' && owner.organizationId === attempt.organizationId,
    emailProven: await isEmailProven(attempt, owner),
    knownWithAnotherSubject: [...owner.everLinked].some(([key, provider]) => provider === providerId && key !== attempt.identityKey),
    hasStrongerWayIn: await hasStrongerWayIn(attempt, owner),
  };
};

const hasStrongerWayIn = async ({ dependencies, organizationId, assertion }: Attempt, owner: Account): Promise<boolean> => {
  const { providerId } = assertion;
  const { rules } = await loadWaysIn(dependencies.store, organizationId);
  return enrolledAssurance(owner, rules) > rules.granted(providerId);
};

/** By a mail that came back, or by a provider that is trusted for the address's domain as of now. */
const isEmailProven = async ({ dependencies, organizationId }: Attempt, { verifiedEmail }: Account): Promise<boolean> => {
  if (!verifiedEmail) return false;
  if (verifiedEmail.proof.method === 'mail_loop') return true;
  const { policy } = await loadProviderInOrganization(dependencies.store, organizationId, verifiedEmail.proof.providerId);
  return verifiedEmail.domain !== undefined && trustsEmailDomain(policy, verifiedEmail.domain);
};
