import { isDeepStrictEqual } from 'node:util';
import type { Decision } from '#libs/event-store/command-execution.js';
import type { IdentityProviderEvent } from './events.js';
import { withoutSecrets } from './settings.js';
import type { IdentityProviderSettings } from './settings.js';
import type { IdentityProvider } from './state.js';

/** What an operator declares: the settings, and whether people may sign in through it. */
export interface DeclaredIdentityProvider {
  readonly settings: IdentityProviderSettings;
  readonly active: boolean;
}

export type ProviderRefusalCode =
  | 'provider_not_found'
  /** Removed for ever: links to it may be around, so its id is never used again. */
  | 'provider_removed'
  /** A provider belongs to whom it belonged first: links were made in that belief. */
  | 'provider_belongs_to_another'
  | 'removal_not_announced'
  | 'people_would_lose_their_last_way_in';

export type ProviderOutcome =
  { readonly kind: 'done' } | { readonly kind: 'refused'; readonly code: ProviderRefusalCode };
export type ProviderDecision = Decision<IdentityProviderEvent, ProviderOutcome>;

const done = (...events: readonly IdentityProviderEvent[]): ProviderDecision => ({ events, outcome: { kind: 'done' } });
const refused = (code: ProviderRefusalCode): ProviderDecision => ({ events: [], outcome: { kind: 'refused', code } });

/** The events that turn the provider as it is into what is declared; none when it is so already. */
export const decideConfigure = (
  state: IdentityProvider,
  { settings, active }: DeclaredIdentityProvider,
): ProviderDecision => {
  if (state.removal.phase === 'done') return refused('provider_removed');
  if (state.settings && state.settings.organizationId !== settings.organizationId)
    return refused('provider_belongs_to_another');
  const { plain, secrets } = withoutSecrets(settings);
  const changed = !isDeepStrictEqual(state.settings && withoutSecrets(state.settings), { plain, secrets });
  const activeAfter = state.settings ? state.active : true;
  return done(
    ...(changed ? [{ type: 'IdentityProviderConfigured', data: { settings: plain, secrets } } as const] : []),
    ...(activeAfter && !active ? [{ type: 'IdentityProviderDeactivated', data: {} } as const] : []),
    ...(!activeAfter && active ? [{ type: 'IdentityProviderActivated', data: {} } as const] : []),
  );
};

/** A provider that is there, for commands that need one. */
const existing =
  (decide: (state: IdentityProvider) => ProviderDecision) =>
  (state: IdentityProvider): ProviderDecision => {
    if (!state.settings) return refused('provider_not_found');
    return state.removal.phase === 'done' ? refused('provider_removed') : decide(state);
  };

/** All links stay; they work again once it is active again (invariant 6). */
export const decideDeactivate = existing(({ active }) =>
  active ? done({ type: 'IdentityProviderDeactivated', data: {} }) : done(),
);
export const decideActivate = existing(({ active }) =>
  active ? done() : done({ type: 'IdentityProviderActivated', data: {} }),
);

export const decideAnnounceRemoval = existing(({ removal }) =>
  removal.phase === 'announced' ? done() : done({ type: 'IdentityProviderRemovalAnnounced', data: {} }),
);

export const decideCancelRemoval = existing(({ removal }) =>
  removal.phase === 'announced' ? done({ type: 'IdentityProviderRemovalCancelled', data: {} }) : done(),
);

/**
 * The second phase: what was announced is committed, unless people would lose their last way in and nobody insists.
 * @param counted for the announcement that is being committed: a removal that was cancelled and announced anew is
 * counted anew
 */
export const decideCommitRemoval = (counted: {
  readonly announcedAt: Date;
  readonly peopleWithoutWayIn: number;
  readonly force: boolean;
}): ((state: IdentityProvider) => ProviderDecision) =>
  existing(({ removal }) => {
    if (removal.phase !== 'announced' || removal.at.getTime() !== counted.announcedAt.getTime())
      return refused('removal_not_announced');
    const { peopleWithoutWayIn, force } = counted;
    if (peopleWithoutWayIn > 0 && !force) return refused('people_would_lose_their_last_way_in');
    return done({ type: 'IdentityProviderRemoved', data: { peopleWithoutWayIn } });
  });
