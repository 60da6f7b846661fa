import { z } from 'zod';
import { defineEvent, secret } from '#libs/event-store/event-definition.js';
import type { EventOf } from '#libs/event-store/event-definition.js';
import { oidcProviderShape } from './settings.js';

/** On `identityProvider-<id>`: how to talk to the provider. The first one also makes it active. The secret is stored encrypted. */
export const identityProviderConfigured = defineEvent('IdentityProviderConfigured', {
  ...oidcProviderShape,
  clientSecret: secret(z.string()),
});
/** Nobody signs in through it any more; all links to it stay (invariant 6). */
export const identityProviderDeactivated = defineEvent('IdentityProviderDeactivated', {});
export const identityProviderActivated = defineEvent('IdentityProviderActivated', {});

export const identityProviderEvents = [identityProviderConfigured, identityProviderDeactivated, identityProviderActivated] as const;
export type IdentityProviderEvent = EventOf<(typeof identityProviderEvents)[number]>;
