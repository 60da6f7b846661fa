import { z } from 'zod';
import { defineEvent, secret } from '#libs/event-store/event-definition.js';
import type { EventOf } from '#libs/event-store/event-definition.js';
import { relyingPartyShape } from './settings.js';

/**
 * On `relyingParty-<client id>`: everything the OpenID Provider needs to serve the client. The secret is stored
 * encrypted.
 */
export const relyingPartyConfigured = defineEvent(
  'RelyingPartyConfigured',
  { ...relyingPartyShape, clientSecret: secret(z.string()) },
  [
    // Before version 2: apps of one organization, which agreed for its people, with public subjects.
    (data) => ({
      organizations: [],
      resources: [],
      consent: 'by_organization',
      subjectType: 'public',
      requirePushedAuthorizationRequests: false,
      dpopBoundAccessTokens: false,
      ...data,
    }),
  ],
);

export const relyingPartyEvents = [relyingPartyConfigured] as const;
export type RelyingPartyEvent = EventOf<(typeof relyingPartyEvents)[number]>;
