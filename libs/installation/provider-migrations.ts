import { mailTokenMigrations } from '#libs/users/mail-tokens.postgres.js';
import { pendingAddressMigrations } from '#libs/users/pending-addresses.postgres.js';
import { flowMigrations } from '#libs/identity-providers/flows.postgres.js';
import { postedResponseMigrations } from '#libs/identity-providers/posted-responses.postgres.js';
import { consumedAssertionMigrations } from '#libs/identity-providers/saml/consumed-assertions.postgres.js';
import type { Migration } from '#libs/platform/postgres/migrations.js';
import { processManagerMigrations } from '#libs/process-managers/checkpoints.postgres.js';
import { attemptWindowMigrations } from '#libs/sign-in/attempt-windows.postgres.js';
import { pendingLinkMigrations } from '#libs/sign-in/pending-links.postgres.js';
import { reauthenticationMigrations } from '#libs/sign-in/reauthentications.postgres.js';
import { sessionsAtProvidersMigrations } from '#libs/sign-in/sessions-at-providers.postgres.js';
import { throttleMigrations } from '#libs/throttling/throttles.js';

/** The tables of the schema `provider`, but those that the OpenID Provider brings up to date itself. */
export const providerMigrations: readonly Migration[] = [
  ...flowMigrations,
  ...postedResponseMigrations,
  ...consumedAssertionMigrations,
  ...reauthenticationMigrations,
  ...sessionsAtProvidersMigrations,
  ...mailTokenMigrations,
  ...pendingAddressMigrations,
  ...pendingLinkMigrations,
  ...attemptWindowMigrations,
  ...throttleMigrations,
  ...processManagerMigrations,
];
