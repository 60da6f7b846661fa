import type { LinkingPolicy } from './policy.js';

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
}

/**
 * What the flow was begun for, all of it from the one-shot row that the response's state names, never from what else the browser has.
 * `valid`: the row was unused and unexpired, and browser and session are the ones it names; for a link also recently re-authenticated.
 */
export type FlowFacts =
  | { readonly kind: 'sign_in' }
  | { readonly kind: 'link'; readonly userId: string; readonly valid: boolean }
  | { readonly kind: 'proof'; readonly userId: string; readonly valid: boolean };

export interface LoginFacts {
  readonly provider: ProviderInOrganization;
  readonly flow: FlowFacts;
  readonly owner: IdentityOwner | undefined;
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
  | { readonly kind: 'sign_in'; readonly userId: string; readonly claimId: string }
  | { readonly kind: 'provision' };

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
const ownedByFlowUser = ({ flow, owner }: LoginFacts): boolean => flow.kind !== 'sign_in' && owner?.userId === flow.userId;
const flowIsValid = ({ flow }: LoginFacts): boolean => flow.kind !== 'sign_in' && flow.valid;

type Owned = LoginFacts & { readonly owner: IdentityOwner };
type OfUser = LoginFacts & { readonly flow: { readonly userId: string } };

const row = <Facts extends LoginFacts = LoginFacts>(name: string, rule: string, when: Row['when'], then: Row<Facts>['then']): Row => ({
  row: name,
  rule,
  when,
  then: then as Row['then'],
});

/**
 * LoginViaIdp, the decision: the first row that matches wins (domain.md, "LoginViaIdp: the decision"; the row names are the design's). A flow
 * that is a link or a proof never falls through to a sign-in: its rows cover every case.
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
    'Proof: the identity is owned by the user that the flow names',
    (f) => isProof(f) && flowIsValid(f) && ownedByFlowUser(f) && f.owner?.maySignIn === true,
    ({ owner }) => ({
      kind: 'proven',
      userId: owner.userId,
      claimId: owner.claimId,
    }),
  ),
  row('1′', 'Proof: anything else', isProof, () => refuse('proof_failed')),
  row<Owned>(
    '2',
    'The identity is owned by an active user of this organization',
    ({ owner }) => owner?.maySignIn === true,
    ({ owner }) => ({ kind: 'sign_in', userId: owner.userId, claimId: owner.claimId }),
  ),
  row(
    '2',
    'The identity is owned by a user who may not sign in',
    ({ owner }) => owner !== undefined,
    () => refuse('account_not_found'),
  ),
  row(
    '4',
    'Nobody owns the identity; creation is allowed and automatic',
    ({ provider }) => provider.policy.creationAllowed && provider.policy.autoCreate,
    () => ({ kind: 'provision' }),
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
