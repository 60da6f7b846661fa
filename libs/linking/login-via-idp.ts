import type { SessionOfAccount } from '#libs/users/state.js';
import type { LinkingPolicy } from '#libs/organizations/linking-policy.js';

/** The provider as the organization sees it at this moment, from the streams. */
export interface ProviderInOrganization {
  readonly id: string;
  readonly active: boolean;
  readonly offered: boolean;
  readonly externalSignInAllowed: boolean;
  readonly policy: LinkingPolicy;
}

/** Who owns the asserted identity: claim and live link with the same claim id. */
export interface IdentityOwner {
  readonly userId: string;
  readonly claimId: string;
  /** Active, and of the organization that this sign-in happens in. */
  readonly maySignIn: boolean;
  /** A recovery came after the link, and the owner has not kept it since: it is no sign-in method (L32). */
  readonly onHold: boolean;
}

/**
 * What the flow was begun for, all of it from the one-shot row that the response's state names, never from what else
 * the browser has. `valid`: the row was unused and unexpired, and browser and session are the ones it names; for a link
 * also recently re-authenticated.
 */
export type FlowFacts =
  | { readonly kind: 'sign_in' }
  /** A response that answers no request of ours (SAML: IdP-initiated), from a provider that is allowed to send such. */
  | { readonly kind: 'unsolicited' }
  /** A person is to prove control of some account by signing in to it. */
  | { readonly kind: 'recognize' }
  | {
      readonly kind: 'link';
      readonly userId: string;
      readonly valid: boolean;
      /** The session that the person links in: what took that away meanwhile wins. */
      readonly inSession?: SessionOfAccount | undefined;
    }
  | { readonly kind: 'proof'; readonly userId: string; readonly valid: boolean };

/** A user of this organization whom a first sign-in might belong to. */
export interface Candidate {
  readonly userId: string;
  readonly active: boolean;
  /** The user's address was proven by a mail loop, or by a provider that is trusted for its domain. */
  readonly emailProven: boolean;
  /** This provider was ever linked to the user with another subject: the address may be a recycled one (L15). */
  readonly knownWithAnotherSubject: boolean;
  /** The account has a way in that proves more than this provider does: no link is made past it (L30). */
  readonly hasStrongerWayIn: boolean;
  /**
   * The user's username was given by this very provider or by an administrator. One that people chose themselves may
   * be another person's, registered in advance (L31).
   */
  readonly usernameVouchedFor: boolean;
}

/** What the policy's `autoLink` found by the asserted e-mail and username. */
export interface Matches {
  /**
   * The owner of the asserted address: looked for only when the provider asserts it verified and is trusted for its
   * domain.
   */
  readonly byEmail?: Candidate | undefined;
  /** The user who has the asserted username. */
  readonly byUsername?: Candidate | undefined;
  /** A username was asserted that could be one of this organization. */
  readonly usernameAsserted: boolean;
}

export interface LoginFacts {
  readonly provider: ProviderInOrganization;
  readonly flow: FlowFacts;
  readonly owner: IdentityOwner | undefined;
  readonly matches: Matches;
}

export type LoginRefusalCode =
  | 'provider_not_allowed'
  | 'link_intent_invalid'
  | 'identity_already_linked_to_another_account'
  | 'linking_not_allowed'
  | 'proof_failed'
  | 'account_not_found';

export type LoginOutcome =
  | { readonly kind: 'refused'; readonly code: LoginRefusalCode }
  | { readonly kind: 'already_linked'; readonly userId: string; readonly claimId: string }
  | { readonly kind: 'link'; readonly userId: string }
  | { readonly kind: 'proven'; readonly userId: string; readonly claimId: string }
  | { readonly kind: 'sign_in'; readonly userId: string; readonly claimId: string; readonly updateProfile: boolean }
  | { readonly kind: 'link_automatically'; readonly userId: string; readonly by: 'email' | 'username' }
  /**
   * A page: prove control of an account, then link. `candidateId` is for the link that may follow, never for the page
   * (L25).
   */
  | {
      readonly kind: 'offer_link';
      readonly by: 'email' | 'username';
      readonly candidateId: string | undefined;
      readonly mayCreate: boolean;
    }
  | { readonly kind: 'provision' }
  /** A page with the choices that are allowed. */
  | { readonly kind: 'choose'; readonly mayCreate: boolean; readonly mayLink: boolean };

interface Row<Facts extends LoginFacts = LoginFacts> {
  /** The row's name in the design's table. */
  readonly row: string;
  /** In words, for the documentation. */
  readonly rule: string;
  readonly when: (facts: LoginFacts) => boolean;
  readonly then: (facts: Facts) => LoginOutcome;
}

const refuse = (code: LoginRefusalCode): LoginOutcome => ({ kind: 'refused', code });
const isLink = ({ flow }: LoginFacts): boolean => flow.kind === 'link';
const isProof = ({ flow }: LoginFacts): boolean => flow.kind === 'proof';
const ownedByFlowUser = ({ flow, owner }: LoginFacts): boolean =>
  (flow.kind === 'link' || flow.kind === 'proof') && owner?.userId === flow.userId;
const flowIsValid = ({ flow }: LoginFacts): boolean => (flow.kind === 'link' || flow.kind === 'proof') && flow.valid;
const looksBy = ({ provider: { policy } }: LoginFacts, by: 'email' | 'username'): boolean =>
  policy.autoLink.includes(by);
const mayCreate = ({ provider: { policy } }: LoginFacts): boolean => policy.creationAllowed;

/** Whether the identity is a sign-in method of its owner now. */
const mayUse = (owner: IdentityOwner | undefined): boolean => owner?.maySignIn === true && !owner.onHold;

/** What linking without asking takes of an account, however it was found (L15, L30). */
const isOpenToALink = (candidate: Candidate | undefined): boolean =>
  candidate?.active === true && !candidate.knownWithAnotherSubject && !candidate.hasStrongerWayIn;
/** Both sides are proven, and the address was not recycled: only then is anything linked without asking (L1, L7). */
const mayLinkByEmail = ({ provider: { policy }, matches: { byEmail } }: LoginFacts): boolean =>
  policy.onMatch === 'automatic' && byEmail?.emailProven === true && isOpenToALink(byEmail);
/** A username proves nothing unless the provider gives usernames out, and the account's was given out too (L31). */
const mayLinkByUsername = ({ provider: { policy }, matches: { byUsername } }: LoginFacts): boolean =>
  policy.onMatch === 'automatic' &&
  policy.usernameAuthoritative &&
  byUsername?.usernameVouchedFor === true &&
  isOpenToALink(byUsername);

/** Where the answer is a question, it is the same whether or not somebody has the username (L25). */
const asksByUsername = ({ provider: { policy } }: LoginFacts): boolean =>
  policy.onMatch === 'ask' || !policy.usernameAuthoritative;

type Owned = LoginFacts & { readonly owner: IdentityOwner };
type MatchedByEmail = LoginFacts & { readonly matches: { readonly byEmail: Candidate } };
type MatchedByUsername = LoginFacts & { readonly matches: { readonly byUsername: Candidate } };
type OfUser = LoginFacts & { readonly flow: { readonly userId: string } };

const row = <Facts extends LoginFacts = LoginFacts>(
  name: string,
  rule: string,
  when: Row['when'],
  then: Row<Facts>['then'],
): Row => ({
  row: name,
  rule,
  when,
  then: then as Row['then'],
});

/**
 * LoginViaIdp, the decision: the first row that matches wins (domain.md, "LoginViaIdp: the decision"; the row names are
 * the design's). A flow that is a link or a proof never falls through to a sign-in: its rows cover every case.
 */
export const LOGIN_TABLE: readonly Row[] = [
  row(
    '0',
    'The provider is inactive, not offered in this organization, or external sign-in is disallowed there',
    ({ provider }) => !provider.active || !provider.offered || !provider.externalSignInAllowed,
    () => refuse('provider_not_allowed'),
  ),
  row(
    '1',
    'Link: the intent is used, expired, another browser’s or session’s, or not recently re-authenticated',
    (f) => isLink(f) && !flowIsValid(f),
    () => refuse('link_intent_invalid'),
  ),
  row<Owned>(
    '1',
    'Link: the identity is linked to this user already',
    (f) => isLink(f) && ownedByFlowUser(f),
    ({ owner }) => ({ kind: 'already_linked', userId: owner.userId, claimId: owner.claimId }),
  ),
  row(
    '1',
    'Link: the identity is linked to another user',
    (f) => isLink(f) && f.owner !== undefined,
    () => refuse('identity_already_linked_to_another_account'),
  ),
  row(
    '1',
    'Link: linking is not allowed for this provider',
    (f) => isLink(f) && !f.provider.policy.linkingAllowed,
    () => refuse('linking_not_allowed'),
  ),
  row<OfUser>('1', 'Link: claim and link', isLink, ({ flow }) => ({ kind: 'link', userId: flow.userId })),
  row<Owned>(
    '1′',
    'Proof: the identity is owned by the user that the flow names, and its link is not on hold',
    (f) => isProof(f) && flowIsValid(f) && ownedByFlowUser(f) && mayUse(f.owner),
    ({ owner }) => ({
      kind: 'proven',
      userId: owner.userId,
      claimId: owner.claimId,
    }),
  ),
  row('1′', 'Proof: anything else', isProof, () => refuse('proof_failed')),
  row<Owned>(
    '2',
    'The identity is owned by an active user of this organization, and its link is not on hold',
    ({ owner }) => mayUse(owner),
    ({ owner, provider }) => ({
      kind: 'sign_in',
      userId: owner.userId,
      claimId: owner.claimId,
      updateProfile: provider.policy.autoUpdate,
    }),
  ),
  row(
    '2',
    'The identity is owned by a user who may not sign in, or its link is on hold since a recovery',
    ({ owner }) => owner !== undefined,
    () => refuse('account_not_found'),
  ),
  row(
    '–',
    'Nobody owns the identity, and the flow is only to recognize its owner: the response answers no request of ours, or is to prove control of an account',
    ({ flow }) => flow.kind === 'unsolicited' || flow.kind === 'recognize',
    () => refuse('account_not_found'),
  ),
  row<MatchedByEmail>(
    '3',
    'By e-mail, automatic: the verified address is an active user’s, who has proven it, never had another subject of this provider and has no stronger way in',
    (f) => looksBy(f, 'email') && mayLinkByEmail(f),
    ({ matches }) => ({ kind: 'link_automatically', by: 'email', userId: matches.byEmail.userId }),
  ),
  row<MatchedByEmail>(
    '3',
    'By e-mail: the verified address is a user’s',
    (f) => looksBy(f, 'email') && f.matches.byEmail !== undefined,
    (f) => ({ kind: 'offer_link', by: 'email', candidateId: f.matches.byEmail.userId, mayCreate: mayCreate(f) }),
  ),
  row<MatchedByUsername>(
    '3′',
    'By username, automatic: the provider is authoritative for usernames, and an active user has it, to whom this provider or an administrator gave it, who never had another subject of this provider and has no stronger way in',
    (f) => looksBy(f, 'username') && mayLinkByUsername(f),
    ({ matches }) => ({ kind: 'link_automatically', by: 'username', userId: matches.byUsername.userId }),
  ),
  row(
    '3′',
    'By username: one was asserted, whether or not a user has it',
    (f) =>
      looksBy(f, 'username') && f.matches.usernameAsserted && (f.matches.byUsername !== undefined || asksByUsername(f)),
    (f) => ({ kind: 'offer_link', by: 'username', candidateId: f.matches.byUsername?.userId, mayCreate: mayCreate(f) }),
  ),
  row(
    '4',
    'Nobody owns the identity; creation is allowed and automatic',
    ({ provider }) => provider.policy.creationAllowed && provider.policy.autoCreate,
    () => ({ kind: 'provision' }),
  ),
  row(
    '5',
    'Nobody owns the identity; creation or linking is allowed by hand',
    ({ provider: { policy } }) => policy.creationAllowed || policy.linkingAllowed,
    ({ provider: { policy } }) => ({
      kind: 'choose',
      mayCreate: policy.creationAllowed,
      mayLink: policy.linkingAllowed,
    }),
  ),
  row(
    '6',
    'Nobody owns the identity and nothing else applies',
    () => true,
    () => refuse('account_not_found'),
  ),
];

export interface LoginDecision {
  /** Which row of the table matched. */
  readonly row: string;
  readonly outcome: LoginOutcome;
}

export const decideLogin = (facts: LoginFacts): LoginDecision => {
  const matched = LOGIN_TABLE.find(({ when }) => when(facts));
  if (!matched) throw new Error('The last row of the login table matches everything');
  return { row: matched.row, outcome: matched.then(facts) };
};
