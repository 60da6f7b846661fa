import { messages } from '#libs/web/messages.js';

/** What happened, in words. */
export const HISTORY_TEXTS = messages({
  userProvisioned: {
    en: 'The account was created at the first sign-in through {provider}',
    de: 'Das Konto wurde bei der ersten Anmeldung über {provider} angelegt',
  },
  userRegistered: { en: 'The account was created by hand', de: 'Das Konto wurde von Hand angelegt' },
  profileUpdatedBy: {
    en: 'The profile was brought up to date by {provider}',
    de: 'Das Profil wurde von {provider} aktualisiert',
  },
  nameChanged: { en: 'The name was changed', de: 'Der Name wurde geändert' },
  usernameChanged: { en: 'The username became {username}', de: 'Der Benutzername wurde {username}' },
  usernameGivenByProvider: {
    en: 'The username became {username}, given by {provider}',
    de: 'Der Benutzername wurde {username}, vergeben von {provider}',
  },
  usernameGivenByAdministrator: {
    en: 'The username became {username}, given by an administrator',
    de: 'Der Benutzername wurde {username}, vergeben von der Verwaltung',
  },
  emailAdded: {
    en: 'The address {address} was added, not verified yet',
    de: 'Die Adresse {address} wurde hinzugefügt, noch nicht bestätigt',
  },
  emailVerified: {
    en: 'The address {address} was verified {proof}',
    de: 'Die Adresse {address} wurde {proof} bestätigt',
  },
  emailChanged: {
    en: 'The verified address became {address}, verified {proof}',
    de: 'Die bestätigte Adresse wurde {address}, {proof} bestätigt',
  },
  byMail: { en: 'by a mail', de: 'durch eine Nachricht' },
  byProvider: { en: 'by an identity provider', de: 'durch einen Identitätsanbieter' },
  erased: { en: '(erased)', de: '(gelöscht)' },
  passwordSet: { en: 'A password was set', de: 'Ein Passwort wurde gesetzt' },
  passwordRehashed: {
    en: 'The password was hashed anew, with the parameters of today',
    de: 'Das Passwort wurde mit heutigen Parametern neu gehasht',
  },
  passwordRemoved: { en: 'The password was removed', de: 'Das Passwort wurde entfernt' },
  accountRecovered: {
    en: 'The account was recovered by its verified e-mail address',
    de: 'Das Konto wurde über seine bestätigte E-Mail-Adresse wiederhergestellt',
  },
  accountRecoveredWithMethodsOnHold: {
    en: 'The account was recovered by its verified e-mail address; sign-in methods on hold until reviewed: {count}',
    de: 'Das Konto wurde über seine bestätigte E-Mail-Adresse wiederhergestellt; bis zur Prüfung angehaltene Anmeldewege: {count}',
  },
  signInMethodsReviewed: {
    en: 'The sign-in methods on hold were reviewed: {kept} kept, {removed} removed',
    de: 'Die angehaltenen Anmeldewege wurden geprüft: {kept} behalten, {removed} entfernt',
  },
  roleGranted: { en: 'The role {role} was granted', de: 'Die Rolle {role} wurde erteilt' },
  roleRevoked: { en: 'The role {role} was revoked', de: 'Die Rolle {role} wurde entzogen' },
  userDeactivated: { en: 'The account was deactivated', de: 'Das Konto wurde deaktiviert' },
  userReactivated: { en: 'The account was activated again', de: 'Das Konto wurde wieder aktiviert' },
  erasureStarted: { en: 'The erasure of the account began', de: 'Die Löschung des Kontos begann' },
  userErased: { en: 'The account was erased', de: 'Das Konto wurde gelöscht' },
  identityLinked: {
    en: 'The {provider} identity {name} was linked {origin}',
    de: 'Die Identität {name} bei {provider} wurde {origin} verknüpft',
  },
  identityLinkedUnnamed: {
    en: 'The {provider} identity was linked {origin}',
    de: 'Die Identität bei {provider} wurde {origin} verknüpft',
  },
  identityUnlinked: { en: 'A {provider} identity was unlinked', de: 'Eine Identität bei {provider} wurde gelöst' },
  claimAbandoned: {
    en: 'A link that was begun was never completed and has been given up',
    de: 'Eine begonnene Verknüpfung wurde nie vollendet und aufgegeben',
  },
  signedInThrough: { en: 'Signed in through {provider}', de: 'Anmeldung über {provider}' },
  signedInByPassword: { en: 'Signed in with the password', de: 'Anmeldung mit dem Passwort' },
  sessionStarted: { en: 'A session began', de: 'Eine Sitzung begann' },
  sessionRenewed: {
    en: 'The session was renewed by signing in again',
    de: 'Die Sitzung wurde durch erneute Anmeldung erneuert',
  },
  consentGranted: { en: '{app} was allowed to use the account', de: '{app} wurde erlaubt, das Konto zu verwenden' },
  consentRevoked: { en: 'The access of {app} was taken away', de: 'Der Zugriff von {app} wurde entzogen' },
  tokensIssued: { en: '{app} got tokens: {how}', de: '{app} erhielt Tokens: {how}' },
  tokensRevoked: { en: 'The tokens of {app} ended: {reason}', de: 'Die Tokens von {app} endeten: {reason}' },
  refreshTokenReuse: {
    en: 'A refresh token of {app} was used twice; all its tokens ended',
    de: 'Ein Refresh-Token von {app} wurde zweimal verwendet; alle seine Tokens endeten',
  },
  sessionEnded: { en: 'A session ended: {reason}', de: 'Eine Sitzung endete: {reason}' },
  refusedThrough: {
    en: 'A sign-in through {provider} was refused: {reason}',
    de: 'Eine Anmeldung über {provider} wurde abgelehnt: {reason}',
  },
  refusedByPassword: {
    en: 'A sign-in with a password was refused: {reason}',
    de: 'Eine Anmeldung mit Passwort wurde abgelehnt: {reason}',
  },
  linkOffered: {
    en: 'At a first sign-in through {provider}, linking the identity to an account was offered',
    de: 'Bei einer ersten Anmeldung über {provider} wurde angeboten, die Identität mit einem Konto zu verknüpfen',
  },
  linkDeclined: {
    en: 'The offer to link the {provider} identity was declined',
    de: 'Das Angebot, die Identität bei {provider} zu verknüpfen, wurde abgelehnt',
  },
  organizationCreated: { en: 'The organization {name} was created', de: 'Die Organisation {name} wurde angelegt' },
  organizationRenamed: {
    en: 'The organization was renamed to {name}',
    de: 'Die Organisation wurde in {name} umbenannt',
  },
  brandingChanged: { en: 'The look of the pages was changed', de: 'Das Aussehen der Seiten wurde geändert' },
  loginPolicyChanged: { en: 'The login policy was changed', de: 'Die Anmelderichtlinie wurde geändert' },
  providerOffered: {
    en: 'The identity provider {provider} was offered, or its policy was changed',
    de: 'Der Identitätsanbieter {provider} wurde angeboten, oder seine Richtlinie wurde geändert',
  },
  providerWithdrawn: {
    en: 'The identity provider {provider} is no longer offered',
    de: 'Der Identitätsanbieter {provider} wird nicht mehr angeboten',
  },
  providerConfigured: {
    en: 'The identity provider {provider} was configured',
    de: 'Der Identitätsanbieter {provider} wurde eingerichtet',
  },
  providerDeactivated: { en: 'The identity provider was deactivated', de: 'Der Identitätsanbieter wurde deaktiviert' },
  providerActivated: {
    en: 'The identity provider was activated again',
    de: 'Der Identitätsanbieter wurde wieder aktiviert',
  },
  restrictionAnnounced: {
    en: 'It was announced that ways to sign in will be taken away',
    de: 'Es wurde angekündigt, dass Anmeldewege wegfallen',
  },
  restrictionCancelled: {
    en: 'The ways to sign in that were to be taken away stay',
    de: 'Die Anmeldewege, die wegfallen sollten, bleiben',
  },
  restrictionCommitted: {
    en: 'The announced ways to sign in were taken away; people who lost their last one: {people}',
    de: 'Die angekündigten Anmeldewege sind weggefallen; Personen, die ihren letzten verloren: {people}',
  },
  providerRemovalAnnounced: {
    en: 'The removal of the identity provider was announced',
    de: 'Die Entfernung des Identitätsanbieters wurde angekündigt',
  },
  providerRemovalCancelled: {
    en: 'The removal of the identity provider was cancelled',
    de: 'Die Entfernung des Identitätsanbieters wurde zurückgenommen',
  },
  providerRemoved: { en: 'The identity provider was removed', de: 'Der Identitätsanbieter wurde entfernt' },
  appConfigured: { en: 'The relying app {app} was configured', de: 'Die Anwendung {app} wurde eingerichtet' },
  userLookedUp: {
    en: 'User {user} was looked up by a username or an e-mail address',
    de: 'Benutzer {user} wurde nach Benutzername oder E-Mail-Adresse gesucht',
  },
  nobodyLookedUp: {
    en: 'A username or an e-mail address was looked up that nobody had',
    de: 'Ein Benutzername oder eine E-Mail-Adresse wurde gesucht, die niemand hatte',
  },
  ofUser: { en: 'user {user}', de: 'von {user}' },
  ofTheOrganization: { en: 'the organization', de: 'der Organisation' },
});

/** How an identity came to be linked, by the origin in its provenance. */
export const ORIGINS = messages({
  self_service: { en: 'by the person', de: 'von der Person selbst' },
  just_in_time: { en: 'at the first sign-in', de: 'bei der ersten Anmeldung' },
  automatic_by_email: { en: 'automatically, by e-mail', de: 'automatisch, nach der E-Mail-Adresse,' },
  automatic_by_username: { en: 'automatically, by username', de: 'automatisch, nach dem Benutzernamen,' },
  admin: { en: 'by an administrator', de: 'von der Verwaltung' },
  import: { en: 'by an import', de: 'durch einen Import' },
});

/** Why a session ended. */
export const ENDINGS = messages({
  signed_out: { en: 'the person signed out', de: 'abgemeldet' },
  signed_out_at_provider: {
    en: 'the person signed out at the identity provider',
    de: 'beim Identitätsanbieter abgemeldet',
  },
  ended_by_user: { en: 'the person ended it from another session', de: 'aus einer anderen Sitzung beendet' },
  replaced: {
    en: 'a new sign-in in the same browser replaced it',
    de: 'durch eine neue Anmeldung im selben Browser ersetzt',
  },
  identity_unlinked: {
    en: 'the identity that opened it was unlinked',
    de: 'die Identität, die sie öffnete, wurde gelöst',
  },
  password_changed: { en: 'the password was changed', de: 'das Passwort wurde geändert' },
  account_recovered: { en: 'the account was recovered', de: 'das Konto wurde wiederhergestellt' },
  account_deactivated: { en: 'the account was deactivated', de: 'das Konto wurde deaktiviert' },
  account_erased: { en: 'the account was erased', de: 'das Konto wurde gelöscht' },
  refused_after_revocation: {
    en: 'the account or the link was taken away during the sign-in',
    de: 'Konto oder Verknüpfung wurden während der Anmeldung entzogen',
  },
});

/** Why a sign-in was refused, by its code. */
export const FAILURES = messages({
  credentials_invalid: {
    en: 'the password did not fit, or the account may not sign in',
    de: 'das Passwort passte nicht, oder das Konto darf sich nicht anmelden',
  },
  account_not_found: {
    en: 'there was no account to sign in to',
    de: 'es gab kein Konto, in das man sich anmelden konnte',
  },
  provider_not_allowed: { en: 'the provider was not allowed', de: 'der Anbieter war nicht erlaubt' },
  reauthentication_not_proven: {
    en: 'the provider did not prove the new sign-in that the app asked for',
    de: 'der Anbieter bewies die neue Anmeldung nicht, die die Anwendung verlangte',
  },
  identity_already_linked_to_another_account: {
    en: 'somebody tried to link the identity to another account',
    de: 'jemand versuchte, die Identität mit einem anderen Konto zu verknüpfen',
  },
  linking_not_allowed: { en: 'linking was not allowed', de: 'Verknüpfen war nicht erlaubt' },
  link_intent_invalid: {
    en: 'the link had not been asked for in this browser just before',
    de: 'die Verknüpfung war nicht kurz zuvor in diesem Browser verlangt worden',
  },
  proof_failed: { en: 'it did not prove what it had to prove', de: 'sie bewies nicht, was sie beweisen sollte' },
});

/** What somebody read, by the kind of access. */
export const ACCESSES = messages({
  history: { en: 'The history of {whose} was read', de: 'Der Verlauf {whose} wurde gelesen' },
  export: { en: 'The history of {whose} was exported', de: 'Der Verlauf {whose} wurde exportiert' },
  follow: { en: 'The history of {whose} was followed', de: 'Der Verlauf {whose} wurde verfolgt' },
  as_of: {
    en: 'The account of {whose} was looked at as of a moment',
    de: 'Der Stand des Kontos {whose} zu einem Zeitpunkt wurde angesehen',
  },
  difference: {
    en: 'The account of {whose} was compared between two moments',
    de: 'Zwei Stände des Kontos {whose} wurden verglichen',
  },
});

/** How an app got tokens. */
export const GRANTS = messages({
  authorization_code: { en: 'after a sign-in', de: 'nach einer Anmeldung' },
  refresh_token: { en: 'by a refresh token', de: 'durch ein Refresh-Token' },
  device_code: { en: 'on a device', de: 'auf einem Gerät' },
});

/** Why an app's tokens ended. */
export const TOKEN_ENDINGS = messages({
  revoked_by_client: { en: 'the app gave them back', de: 'die Anwendung gab sie zurück' },
  signed_out_of_app: { en: 'the person signed out of the app', de: 'die Person meldete sich von der Anwendung ab' },
  consent_revoked: { en: 'the person took the access away', de: 'die Person entzog den Zugriff' },
  code_replayed: { en: 'a code was used twice', de: 'ein Code wurde zweimal verwendet' },
  refused_after_revocation: { en: 'the account changed meanwhile', de: 'das Konto änderte sich inzwischen' },
  identity_unlinked: { en: 'the identity was unlinked', de: 'die Verknüpfung wurde aufgehoben' },
  password_changed: { en: 'the password changed', de: 'das Passwort wurde geändert' },
  account_recovered: { en: 'the account was recovered', de: 'das Konto wurde wiederhergestellt' },
  account_deactivated: { en: 'the account was deactivated', de: 'das Konto wurde deaktiviert' },
  account_erased: { en: 'the account was erased', de: 'das Konto wurde gelöscht' },
});
