import { execute } from '#libs/event-store/command-execution.js';
import type { Decision, Fold } from '#libs/event-store/command-execution.js';
import type { DomainEvent } from '#libs/event-store/event-definition.js';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import type { StreamName } from '#libs/event-store/stream-name.js';
import { decideConfigure } from '#libs/identity-providers/decide.js';
import type { ProviderRefusalCode } from '#libs/identity-providers/decide.js';
import { loadIdentityProvider } from '#libs/identity-providers/queries/load-identity-provider.js';
import { identityProviderFold, identityProviderStream } from '#libs/identity-providers/state.js';
import { decideOrganization } from '#libs/organizations/decide.js';
import { organizationFold, organizationStream } from '#libs/organizations/state.js';
import { INSTALLATION_SUBJECT } from '#libs/privacy/subject-keys.js';
import { decideRelyingParty } from '#libs/relying-parties/decide.js';
import { relyingPartyFold, relyingPartyStream } from '#libs/relying-parties/state.js';
import { agreeOnRestrictions } from './agree-on-restrictions.js';
import type { Restricting } from './agree-on-restrictions.js';
import { DeclarationError } from './declaration.js';
import type { Declaration } from './declaration.js';

/** What an apply did: the events that were stored, by stream. Nothing: everything was as declared already. */
export interface AppliedChange {
  readonly stream: StreamName;
  readonly events: readonly string[];
}

export type Applied =
  | { readonly kind: 'applied'; readonly changes: readonly AppliedChange[] }
  /** People would lose their last way in, so many of each organization. Nothing was changed. */
  | { readonly kind: 'would_take_last_way_in'; readonly people: ReadonlyMap<string, number> }
  /**
   * Somebody else changed the organization in between; what came before it in the file is applied, and a second run
   * does the rest.
   */
  | { readonly kind: 'changed_meanwhile'; readonly organizationId: string };

/**
 * Makes the installation what the file declares. Idempotent: a second run appends nothing. What the file does not name
 * is left alone.
 */
export const applyDeclaration = async (
  store: EventStore,
  declaration: Declaration,
  context: CommandContext,
  restricting: Restricting,
): Promise<Applied> => {
  await refuseWhatCannotBe(store, declaration);
  const agreement = await agreeOnRestrictions(store, declaration.organizations, restricting, context);
  if (agreement.kind !== 'agreed') return agreement;
  const changes: AppliedChange[] = [];
  const apply = async <State, E extends DomainEvent, Outcome>(
    stream: StreamName,
    fold: Fold<State, E>,
    decide: (state: State) => Decision<E, Outcome>,
  ): Promise<Outcome> => {
    let stored: readonly string[] = [];
    const { outcome } = await execute(store, {
      stream,
      fold,
      decide: (state) => {
        const decision = decide(state);
        stored = decision.events.map((event) => event.type);
        return decision;
      },
      context,
      subject: INSTALLATION_SUBJECT,
    });
    if (stored.length > 0) changes.push({ stream, events: stored });
    return outcome;
  };

  // Providers before the organizations that offer them, organizations before their relying parties: no reference points
  // to nothing in between.
  for (const provider of declaration.identityProviders) {
    await apply(identityProviderStream(provider.settings.id), identityProviderFold, (state) =>
      decideConfigure(state, provider),
    );
  }
  for (const organization of declaration.organizations) {
    const outcome = await apply(organizationStream(organization.id), organizationFold, (state) =>
      decideOrganization(state, organization, agreement.counted.get(organization.id)),
    );
    if (outcome.kind === 'refused') return { kind: 'changed_meanwhile', organizationId: organization.id };
  }
  for (const { organization, ...settings } of declaration.relyingParties) {
    await apply(relyingPartyStream(settings.clientId), relyingPartyFold, (state) =>
      decideRelyingParty(state, { ...settings, organizationId: organization }),
    );
  }
  return { kind: 'applied', changes };
};

const REFUSALS: Partial<Record<ProviderRefusalCode, string>> = {
  provider_removed: 'was removed, and its id is not used again: choose another one',
  provider_belongs_to_another:
    'belongs to another organization, or to the installation, and always will: choose another id',
};

/** Before anything is changed. @throws {DeclarationError} */
const refuseWhatCannotBe = async (store: EventStore, { identityProviders, lineOf }: Declaration): Promise<void> => {
  const refused = await Promise.all(
    identityProviders.map(async (declared, i) => {
      const { outcome } = decideConfigure(await loadIdentityProvider(store, declared.settings.id), declared);
      if (outcome.kind === 'done') return [];
      return [
        `line ${lineOf(['identityProviders', i, 'id'])}: ${declared.settings.id} ${REFUSALS[outcome.code] ?? outcome.code}`,
      ];
    }),
  );
  if (refused.flat().length > 0) throw new DeclarationError(refused.flat());
};
