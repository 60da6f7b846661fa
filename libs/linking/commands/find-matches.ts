import { enrolledAssurance } from '#libs/users/assurance.js';
import { parseEmailAddress } from '#libs/users/email-address.js';
import type { NameGiver } from '#libs/users/events.js';
import { maySignIn } from '#libs/users/state.js';
import type { Account } from '#libs/users/state.js';
import { usernameKey, usernameStream, verifiedEmailKey, verifiedEmailStream } from '#libs/users/streams.js';
import { parseUsername } from '#libs/users/username.js';
import { claimableEmail, claimableUsername } from '#libs/users/claims/claimable.js';
import type { Claimable } from '#libs/users/claims/claimable.js';
import type { Candidate, Matches } from '../login-via-idp.js';
import { trustsEmailDomain } from '#libs/organizations/linking-policy.js';
import { loadWaysIn } from '../queries/providers-in-organization.js';
import type { ProviderWithPolicy, WaysIn } from '../queries/providers-in-organization.js';
import type { Attempt } from './attempt.js';

/** What was found, and what it would be if an account that was found were as it is now. */
export interface FoundMatches {
  readonly matches: Matches;
  readonly seenAgain: (by: MatchedBy, account: Account) => Matches;
}

type MatchedBy = 'email' | 'username';
interface Owner {
  readonly userId: string;
  readonly account: Account;
}
type Owners = Readonly<Partial<Record<MatchedBy, Owner | undefined>>>;

/**
 * Looks for users whom the identity might belong to, by what the policy allows to look by; from the streams that hold
 * who owns what.
 */
export const findMatches = async (attempt: Attempt, provider: ProviderWithPolicy): Promise<FoundMatches> => {
  const { assertion, organizationId, dependencies, claims, context } = attempt;
  const { indexKeys, store } = dependencies;
  const { autoLink } = provider.policy;
  const email = autoLink.includes('email') ? verifiedAddressOf(attempt, provider) : undefined;
  const username = autoLink.includes('username') ? parseUsername(assertion.claims.preferredUsername) : undefined;
  const usernameAsserted = username?.kind === 'ok';
  const emailKey = email && verifiedEmailKey(indexKeys, organizationId, email.canonical);
  const nameKey = usernameAsserted ? usernameKey(indexKeys, organizationId, username.canonical) : undefined;
  const ownerOf = async (thing: Claimable): Promise<Owner | undefined> => {
    const ownership = await claims.ownerOf(thing, context);
    return ownership.kind === 'owned' ? { userId: ownership.userId, account: ownership.owner } : undefined;
  };
  const owners: Owners = {
    email: emailKey === undefined ? undefined : await ownerOf(claimableEmail(verifiedEmailStream(emailKey))),
    username: nameKey === undefined ? undefined : await ownerOf(claimableUsername(usernameStream(nameKey))),
  };
  if (!owners.email && !owners.username)
    return { matches: { usernameAsserted }, seenAgain: () => ({ usernameAsserted }) };
  const waysIn = await loadWaysIn(store, organizationId);
  const matchesOf = (seen: Owners): Matches => ({
    byEmail:
      seen.email?.account.verifiedEmail?.emailKey === emailKey ? candidateOf(attempt, waysIn, seen.email) : undefined,
    byUsername:
      seen.username?.account.username?.usernameKey === nameKey
        ? candidateOf(attempt, waysIn, seen.username)
        : undefined,
    usernameAsserted,
  });
  return {
    matches: matchesOf(owners),
    seenAgain: (by, account) => {
      const owner = owners[by];
      return matchesOf({ ...owners, [by]: owner && { ...owner, account } });
    },
  };
};

/** The asserted username, where the provider's are the organization's: then it is given by the provider (L31). */
export const givenUsernameOf = (
  { assertion }: Pick<Attempt, 'assertion'>,
  { policy }: Pick<ProviderWithPolicy, 'policy'>,
): { readonly username: string; readonly canonical: string; readonly givenBy: NameGiver } | undefined => {
  const parsed = policy.usernameAuthoritative ? parseUsername(assertion.claims.preferredUsername) : undefined;
  if (parsed?.kind !== 'ok') return undefined;
  const { username, canonical } = parsed;
  return { username, canonical, givenBy: { by: 'provider', providerId: assertion.providerId } };
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

const candidateOf = (
  { assertion, identityKey, organizationId }: Attempt,
  waysIn: WaysIn,
  owner: Owner | undefined,
): Candidate | undefined => {
  if (!owner) return undefined;
  const { userId, account } = owner;
  return {
    userId,
    active: maySignIn(account, organizationId),
    emailProven: isEmailProven(waysIn, account),
    knownWithAnotherSubject: [...account.everLinked].some(
      ([key, provider]) => provider === assertion.providerId && key !== identityKey,
    ),
    hasStrongerWayIn: enrolledAssurance(account, waysIn.rules) > waysIn.rules.granted(assertion.providerId),
    usernameVouchedFor: isVouchedFor(account.username?.givenBy, assertion.providerId),
  };
};

/** A provider vouches for the names that it gave itself; an administrator for all (L31). */
const isVouchedFor = (givenBy: NameGiver | undefined, providerId: string): boolean =>
  givenBy?.by === 'administrator' || (givenBy?.by === 'provider' && givenBy.providerId === providerId);

/** By a mail that came back, or by a provider that is trusted for the address's domain as of now. */
const isEmailProven = ({ provider }: WaysIn, { verifiedEmail }: Account): boolean => {
  if (!verifiedEmail) return false;
  const { proof, domain } = verifiedEmail;
  return (
    proof.method === 'mail_loop' ||
    (domain !== undefined && trustsEmailDomain(provider(proof.providerId).policy, domain))
  );
};
