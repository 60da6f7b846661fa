import type { Restriction } from './events.js';
import type { OrganizationSettings } from './settings.js';
import type { Organization } from './state.js';

/**
 * What settings would take away from people of an organization as a way in; nothing where they take nothing away. Pure.
 */
export const restrictionOf = (
  { displayName, loginPolicy, offered }: Organization,
  declared: OrganizationSettings,
): Restriction | undefined => {
  // Nobody has a way in yet.
  if (displayName === undefined) return undefined;
  const { loginPolicy: wanted } = declared;
  const offersStill = new Set(declared.identityProviders.map(({ id }) => id));
  const methods: Restriction['methods'] = [];
  if (loginPolicy.password && !wanted.password) methods.push('password');
  if (loginPolicy.recovery && !wanted.recovery) methods.push('recovery');
  if (loginPolicy.externalSignIn && !wanted.externalSignIn) methods.push('external_sign_in');
  const providers = [...offered.keys()].filter((id) => !offersStill.has(id));
  return methods.length + providers.length === 0 ? undefined : { methods, providers };
};
