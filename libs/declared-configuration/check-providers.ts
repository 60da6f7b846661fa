import type { EventStore } from '#libs/event-store/event-store.js';
import { decideConfigure } from '#libs/identity-providers/decide.js';
import type { HttpPolicy } from '#libs/platform/guarded-http.js';
import { checkSettings } from '#libs/identity-providers/mistakes.js';
import { loadIdentityProvider } from '#libs/identity-providers/queries/load-identity-provider.js';
import { DeclarationError } from './declaration.js';
import type { Declaration } from './declaration.js';

/**
 * Checks the identity providers that applying the file would change, the providers themselves asked where they answer.
 * @returns what could not be checked now
 * @throws {DeclarationError} naming every mistake with its line; never a secret
 */
export const checkProviders = async (
  store: EventStore,
  { identityProviders, lineOf }: Declaration,
  policy: HttpPolicy,
  now: Date,
): Promise<readonly string[]> => {
  const checked = await Promise.all(
    identityProviders.map(async (declared, i) => {
      const { events } = decideConfigure(await loadIdentityProvider(store, declared.settings.id), declared);
      if (!events.some(({ type }) => type === 'IdentityProviderConfigured')) return { mistakes: [], warnings: [] };
      const { mistakes, warnings } = await checkSettings(declared.settings, policy, now);
      const told = mistakes.map(({ path, message }) => {
        const place = ['identityProviders', i, ...path];
        return `line ${lineOf(place)}: ${place.join('.')}: ${message}`;
      });
      return { mistakes: told, warnings };
    }),
  );
  const mistakes = checked.flatMap((one) => one.mistakes);
  if (mistakes.length > 0) throw new DeclarationError(mistakes);
  return checked.flatMap(({ warnings }) => warnings);
};
