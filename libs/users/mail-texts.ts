import { messages } from '#libs/web/messages.js';

/** What mails to the owner of an address say. */
export const MAIL_TEXTS = messages({
  verificationSubject: {
    en: '{organization}: is this your e-mail address?',
    de: '{organization}: Ist das Ihre E-Mail-Adresse?',
  },
  verification: {
    en: 'Somebody put {address} on an account of {organization}. If it was you, open this page within a day. In the browser that you are signed in with it asks whether the address is yours; in another one, for the account’s password.',
    de: 'Jemand hat {address} bei einem Konto von {organization} angegeben. Waren Sie es, öffnen Sie diese Seite innerhalb eines Tages. In dem Browser, in dem Sie angemeldet sind, fragt sie, ob die Adresse Ihre ist; in einem anderen nach dem Passwort des Kontos.',
  },
  recoverySubject: {
    en: '{organization}: a new password for your account',
    de: '{organization}: ein neues Passwort für Ihr Konto',
  },
  recovery: {
    en: 'To choose a new password, open this page within half an hour. All sessions of the account end then.',
    de: 'Um ein neues Passwort zu wählen, öffnen Sie diese Seite innerhalb einer halben Stunde. Alle Sitzungen des Kontos enden damit.',
  },
  strongerWaySubject: {
    en: '{organization}: how to get into your account',
    de: '{organization}: wie Sie in Ihr Konto kommen',
  },
  strongerWay: {
    en: 'Your account has a way to sign in that is stronger than a mail: sign in with that one, and set a new password on your account page.',
    de: 'Ihr Konto hat einen Weg zur Anmeldung, der stärker ist als eine Nachricht: Melden Sie sich mit diesem an, und setzen Sie auf Ihrer Kontoseite ein neues Passwort.',
  },
  asked: {
    en: 'This was asked for. If it was not you, do nothing: without this mail nothing happens.',
    de: 'Dies wurde angefordert. Waren Sie es nicht, tun Sie nichts: Ohne diese Nachricht geschieht nichts.',
  },
  askedFrom: {
    en: 'This was asked for from the address {address}. If it was not you, do nothing: without this mail nothing happens.',
    de: 'Dies wurde von der Adresse {address} angefordert. Waren Sie es nicht, tun Sie nichts: Ohne diese Nachricht geschieht nichts.',
  },
});
