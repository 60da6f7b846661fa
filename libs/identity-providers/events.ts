import { z } from 'zod';
import { defineEvent, secret } from '#libs/event-store/event-definition.js';
import type { EventOf } from '#libs/event-store/event-definition.js';
import { plainProviderSettingsSchema, providerSecretsSchema } from './settings.js';

/**
 * On `identityProvider-<id>`: how to talk to the provider. The first one also makes it active. Secrets are stored
 * encrypted.
 */
export const identityProviderConfigured = defineEvent(
  'IdentityProviderConfigured',
  { settings: plainProviderSettingsSchema, secrets: secret(providerSecretsSchema) },
  [
    // Before version 2 there were OpenID Providers only, with all fields side by side.
    ({ clientSecret, ...settings }) => ({
      settings,
      ...(clientSecret === undefined ? {} : { secrets: { clientSecret } }),
    }),
  ],
);
/** Nobody signs in through it any more; all links to it stay (invariant 6). */
export const identityProviderDeactivated = defineEvent('IdentityProviderDeactivated', {});
export const identityProviderActivated = defineEvent('IdentityProviderActivated', {});

/**
 * The provider is to be removed: from here on it counts for nobody as a way in that would be left (domain.md, "Settings
 * that take ways in away"). People still sign in through it.
 */
export const identityProviderRemovalAnnounced = defineEvent('IdentityProviderRemovalAnnounced', {});
/** It stays: it would have taken somebody's last way in, or whoever announced it changed their mind. */
export const identityProviderRemovalCancelled = defineEvent('IdentityProviderRemovalCancelled', {});
/** It is gone, for ever: its id is not used again, and its links are no way in any more. */
export const identityProviderRemoved = defineEvent('IdentityProviderRemoved', {
  /** How many people lost their last way in; more than 0 only when it was forced. */
  peopleWithoutWayIn: z.int().min(0),
});

export const identityProviderEvents = [
  identityProviderConfigured,
  identityProviderDeactivated,
  identityProviderActivated,
  identityProviderRemovalAnnounced,
  identityProviderRemovalCancelled,
  identityProviderRemoved,
] as const;
export type IdentityProviderEvent = EventOf<(typeof identityProviderEvents)[number]>;
