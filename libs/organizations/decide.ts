import { isDeepStrictEqual } from 'node:util';
import type { Decision } from '#libs/event-store/command-execution.js';
import type { OrganizationEvent } from './events.js';
import { restrictionOf } from './restriction.js';
import type { OrganizationSettings } from './settings.js';
import type { Organization } from './state.js';

export type OrganizationOutcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'refused'; readonly code: 'restriction_not_announced' | 'people_would_lose_their_last_way_in' };
export type OrganizationDecision = Decision<OrganizationEvent, OrganizationOutcome>;

/** Who would lose their last way in by what was announced then. */
export interface Counted {
  readonly announcedAt: Date;
  readonly peopleWithoutWayIn: number;
  readonly force: boolean;
}

const done = (...events: OrganizationEvent[]): OrganizationDecision => ({ events, outcome: { kind: 'done' } });
const refused = (code: Extract<OrganizationOutcome, { kind: 'refused' }>['code']): OrganizationDecision => ({
  events: [],
  outcome: { kind: 'refused', code },
});

/**
 * The first phase: what is to be taken away counts for nobody from here on, and nothing else changes (domain.md,
 * "Settings that take ways in away").
 */
export const decideAnnounceRestriction = (
  state: Organization,
  declared: OrganizationSettings,
): OrganizationDecision => {
  const restriction = restrictionOf(state, declared);
  if (!restriction || isDeepStrictEqual(state.announced?.restriction, restriction)) return done();
  return done({ type: 'RestrictionAnnounced', data: { restriction } });
};

export const decideCancelRestriction = ({ announced }: Organization): OrganizationDecision =>
  announced ? done({ type: 'RestrictionCancelled', data: {} }) : done();

/**
 * The events that turn the organization as it is into what is declared; none when it is so already.
 * @param counted for a restriction, which is announced and counted first: one that was cancelled and announced anew is
 * counted anew
 */
export const decideOrganization = (
  state: Organization,
  declared: OrganizationSettings,
  counted?: Counted,
): OrganizationDecision => {
  const restriction = restrictionOf(state, declared);
  if (!restriction) return done(...decideCancelRestriction(state).events, ...changesOf(state, declared));
  const { announced } = state;
  if (
    !counted ||
    announced?.at.getTime() !== counted.announcedAt.getTime() ||
    !isDeepStrictEqual(announced.restriction, restriction)
  )
    return refused('restriction_not_announced');
  const { peopleWithoutWayIn, force } = counted;
  if (peopleWithoutWayIn > 0 && !force) return refused('people_would_lose_their_last_way_in');
  return done({ type: 'RestrictionCommitted', data: { peopleWithoutWayIn } }, ...changesOf(state, declared));
};

const changesOf = (state: Organization, declared: OrganizationSettings): readonly OrganizationEvent[] => {
  const events: OrganizationEvent[] = [];
  if (state.displayName === undefined)
    events.push({ type: 'OrganizationCreated', data: { displayName: declared.displayName } });
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
  return events;
};
