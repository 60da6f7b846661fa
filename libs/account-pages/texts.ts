import { messages } from '#libs/web/messages.js';

/** What the account pages say. */
export const ACCOUNT_TEXTS = messages({
  yourAccount: { en: 'Your account', de: 'Ihr Konto' },
  backToAccount: { en: 'Back to your account', de: 'Zurück zu Ihrem Konto' },
  signOut: { en: 'Sign out', de: 'Abmelden' },
  you: { en: 'You', de: 'Über Sie' },
  name: { en: 'Name', de: 'Name' },
  username: { en: 'Username', de: 'Benutzername' },
  email: { en: 'E-mail', de: 'E-Mail-Adresse' },
  password: { en: 'Password', de: 'Passwort' },
  notTold: { en: 'Not told', de: 'Nicht genannt' },
  none: { en: 'None', de: 'Keiner' },
  passwordIsSet: { en: 'Set', de: 'Gesetzt' },
  noPassword: { en: 'None', de: 'Keines' },
  noVerifiedAddress: { en: 'No verified address', de: 'Keine bestätigte Adresse' },
  verifiedAddress: { en: '{address} (verified)', de: '{address} (bestätigt)' },
  waitingAddress: { en: '{address} waits for its mail', de: '{address} wartet auf ihre Nachricht' },
  changeName: { en: 'Change name', de: 'Namen ändern' },
  changeUsername: { en: 'Change username', de: 'Benutzernamen ändern' },
  chooseUsername: { en: 'Choose username', de: 'Benutzernamen wählen' },
  changeEmail: { en: 'Change e-mail', de: 'E-Mail-Adresse ändern' },
  addEmail: { en: 'Add e-mail', de: 'E-Mail-Adresse hinzufügen' },
  changePassword: { en: 'Change password', de: 'Passwort ändern' },
  setPassword: { en: 'Set password', de: 'Passwort setzen' },
  change: { en: 'Change', de: 'Ändern' },
  choose: { en: 'Choose', de: 'Wählen' },
  add: { en: 'Add', de: 'Hinzufügen' },
  set: { en: 'Set', de: 'Setzen' },

  linkedIdentities: { en: 'Linked identities', de: 'Verknüpfte Identitäten' },
  linkedIdentitiesExplanation: {
    en: 'You can sign in with any of them; apps always see the same user.',
    de: 'Sie können sich mit jeder anmelden; Anwendungen sehen immer denselben Menschen.',
  },
  lastUsed: { en: 'Since {day}, last used {moment}', de: 'Seit {day}, zuletzt verwendet {moment}' },
  notUsedYet: { en: 'Since {day}, not used yet', de: 'Seit {day}, noch nicht verwendet' },
  unlink: { en: 'Unlink', de: 'Lösen' },
  unlinkThis: { en: 'Unlink {provider} {name}', de: '{provider} {name} lösen' },
  linkAnother: { en: 'Link another', de: 'Weitere verknüpfen' },
  link: { en: 'Link {provider}', de: '{provider} verknüpfen' },
  linkExplanation: {
    en: 'You are about to sign in at {provider}. The identity that you sign in with there is then linked to this account.',
    de: 'Sie melden sich jetzt bei {provider} an. Die Identität, mit der Sie sich dort anmelden, ist danach mit diesem Konto verknüpft.',
  },
  continueTo: { en: 'Continue to {provider}', de: 'Weiter zu {provider}' },
  unlinkTitle: { en: 'Unlink this identity', de: 'Diese Identität lösen' },
  unlinkExplanation: {
    en: 'You will no longer be able to sign in with it, and the sessions that it opened end at once.',
    de: 'Sie können sich dann nicht mehr mit ihr anmelden, und die Sitzungen, die sie geöffnet hat, enden sofort.',
  },
  yourUserId: { en: 'Your user id:', de: 'Ihre Benutzerkennung:' },

  confirmTitle: { en: 'Confirm that it is you', de: 'Bestätigen Sie, dass Sie es sind' },
  confirmExplanation: {
    en: 'You are about to change how your account can be used. You will not be asked again for ten minutes.',
    de: 'Sie ändern gleich, wie Ihr Konto verwendet werden kann. In den nächsten zehn Minuten werden Sie nicht noch einmal gefragt.',
  },
  confirm: { en: 'Confirm', de: 'Bestätigen' },
  confirmWith: { en: 'Confirm with {provider}', de: 'Mit {provider} bestätigen' },

  yourName: { en: 'Your name', de: 'Ihr Name' },
  changeTheName: { en: 'Change the name', de: 'Namen ändern' },
  yourUsername: { en: 'Your username', de: 'Ihr Benutzername' },
  changeTheUsername: { en: 'Change the username', de: 'Benutzernamen ändern' },
  yourEmail: { en: 'Your e-mail address', de: 'Ihre E-Mail-Adresse' },
  emailExplanation: {
    en: 'We send a mail to the address. It is yours here when you have opened the page that the mail names, in this browser.',
    de: 'Wir senden eine Nachricht an die Adresse. Sie gilt hier als Ihre, sobald Sie die Seite, die darin steht, in diesem Browser geöffnet haben.',
  },
  sendTheMail: { en: 'Send the mail', de: 'Nachricht senden' },
  setAPassword: { en: 'Set a password', de: 'Passwort setzen' },
  changeYourPassword: { en: 'Change your password', de: 'Passwort ändern' },
  passwordExplanation: { en: 'All your other sessions end with it.', de: 'Damit enden alle Ihre anderen Sitzungen.' },
  setThePassword: { en: 'Set the password', de: 'Passwort setzen' },
  removeThePassword: { en: 'Remove the password', de: 'Passwort entfernen' },
  isThisYourAddress: { en: 'Is this your address?', de: 'Ist das Ihre Adresse?' },
  verificationExplanation: {
    en: 'The address that the mail came to becomes the verified address of your account.',
    de: 'Die Adresse, an die die Nachricht ging, wird die bestätigte Adresse Ihres Kontos.',
  },
  yesItIsMine: { en: 'Yes, it is mine', de: 'Ja, das ist meine' },

  history: { en: 'History', de: 'Verlauf' },
  newestFirst: { en: 'What happened, newest first', de: 'Was geschah, das Neueste zuerst' },
  fromAddress: { en: 'from {address}', de: 'von {address}' },
  forApp: { en: 'for {app}', de: 'für {app}' },
  earlier: { en: 'Earlier', de: 'Früher' },
});

/** What the account page says of what was done just now, by the name that its address has for it. */
export const NOTICES = messages({
  linked: {
    en: 'The identity is linked. You can sign in with it from now on.',
    de: 'Die Identität ist verknüpft. Sie können sich ab jetzt mit ihr anmelden.',
  },
  already_linked: {
    en: 'That identity was linked to your account already.',
    de: 'Diese Identität war schon mit Ihrem Konto verknüpft.',
  },
  unlinked: {
    en: 'The identity is unlinked, and the sessions that it had opened are ended.',
    de: 'Die Identität ist gelöst, und die Sitzungen, die sie geöffnet hatte, sind beendet.',
  },
  password_set: {
    en: 'The password is set, and all your other sessions are ended.',
    de: 'Das Passwort ist gesetzt, und alle Ihre anderen Sitzungen sind beendet.',
  },
  password_removed: {
    en: 'The password is removed, and all your other sessions are ended.',
    de: 'Das Passwort ist entfernt, und alle Ihre anderen Sitzungen sind beendet.',
  },
  email_sent: {
    en: 'We sent a mail to that address. Open the page that it names in this browser.',
    de: 'Wir haben eine Nachricht an diese Adresse gesendet. Öffnen Sie die Seite, die darin steht, in diesem Browser.',
  },
  email_verified: {
    en: 'The address is verified. Check the identities below: unlink any that you do not know.',
    de: 'Die Adresse ist bestätigt. Prüfen Sie die Identitäten unten: Lösen Sie jede, die Sie nicht kennen.',
  },
  username_changed: { en: 'The username is changed.', de: 'Der Benutzername ist geändert.' },
  name_changed: { en: 'The name is changed.', de: 'Der Name ist geändert.' },
});
