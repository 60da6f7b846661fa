import { messageFor, messages } from '#libs/web/messages.js';
import type { Message } from '#libs/web/messages.js';

/** What the sign-in, registration, recovery and linking pages say. */
export const SIGN_IN_TEXTS = messages({
  signIn: { en: 'Sign in', de: 'Anmelden' },
  noWayIn: {
    en: 'Nobody can sign in here yet: this organization offers no way to. Ask its administrator.',
    de: 'Hier kann sich noch niemand anmelden: Diese Organisation bietet keinen Weg dafür an. Fragen Sie ihre Verwaltung.',
  },
  username: { en: 'Username', de: 'Benutzername' },
  email: { en: 'E-mail', de: 'E-Mail-Adresse' },
  usernameOrEmail: { en: 'Username or e-mail', de: 'Benutzername oder E-Mail-Adresse' },
  password: { en: 'Password', de: 'Passwort' },
  newPassword: { en: 'New password', de: 'Neues Passwort' },
  passwordHint: { en: 'At least 10 characters.', de: 'Mindestens 10 Zeichen.' },
  toContinueTo: { en: 'to continue to {app}', de: 'um mit {app} fortzufahren' },
  signInAnew: {
    en: '{app} asks for a new sign-in, even if you are signed in already.',
    de: '{app} verlangt eine neue Anmeldung, auch wenn Sie schon angemeldet sind.',
  },
  cannotProve: {
    en: 'Not available for this request, because a new sign-in cannot be confirmed there: {providers}.',
    de: 'Hierfür nicht verfügbar, weil sich eine neue Anmeldung dort nicht bestätigen lässt: {providers}.',
  },
  backToApp: { en: 'Back to {app}', de: 'Zurück zu {app}' },
  mailNeverCame: {
    en: 'Did the mail with your address’s confirmation never come?',
    de: 'Die Nachricht zur Bestätigung Ihrer Adresse kam nicht an?',
  },
  or: { en: 'or', de: 'oder' },
  toYourProvider: { en: 'To your identity provider', de: 'Zu Ihrem Identitätsanbieter' },
  continue: { en: 'Continue', de: 'Weiter' },
  continueWith: { en: 'Continue with {provider}', de: 'Weiter mit {provider}' },
  doesNotAnswer: {
    en: '{provider} does not answer at the moment. Choose another way, or try again later.',
    de: '{provider} antwortet im Moment nicht. Wählen Sie einen anderen Weg, oder versuchen Sie es später noch einmal.',
  },
  forgotPassword: { en: 'Forgot your password?', de: 'Passwort vergessen?' },
  signedOut: { en: 'Signed out', de: 'Abgemeldet' },
  signedOutAtProvider: {
    en: 'Everything that you began here through this identity provider has ended.',
    de: 'Alles, was Sie hier über diesen Identitätsanbieter begonnen haben, ist beendet.',
  },
  nobodySignedOut: { en: 'Nobody was signed out', de: 'Niemand wurde abgemeldet' },
  logoutNotAccepted: {
    en: 'The identity provider’s request could not be accepted. Sign out on your account page.',
    de: 'Die Anfrage des Identitätsanbieters konnte nicht angenommen werden. Melden Sie sich auf Ihrer Kontoseite ab.',
  },
  yourAccount: { en: 'Your account', de: 'Ihr Konto' },
  newHere: { en: 'New here?', de: 'Neu hier?' },
  haveOneAlready: { en: 'Have one already?', de: 'Haben Sie schon eines?' },
  createAccount: { en: 'Create an account', de: 'Konto anlegen' },
  createTheAccount: { en: 'Create the account', de: 'Konto anlegen' },
  yourName: { en: 'Your name', de: 'Ihr Name' },
  backToSignIn: { en: 'Back to sign-in', de: 'Zurück zur Anmeldung' },

  recoveryExplanation: {
    en: 'Tell us the verified e-mail address of your account. We send you a mail with which you can choose a new password.',
    de: 'Nennen Sie uns die bestätigte E-Mail-Adresse Ihres Kontos. Wir senden Ihnen eine Nachricht, mit der Sie ein neues Passwort wählen können.',
  },
  sendTheMail: { en: 'Send the mail', de: 'Nachricht senden' },
  lookIntoMailbox: { en: 'Look into your mailbox', de: 'Sehen Sie in Ihr Postfach' },
  recoverySent: {
    en: 'If an account has this verified address, a mail is on its way. It can be used for half an hour.',
    de: 'Wenn ein Konto diese bestätigte Adresse hat, ist eine Nachricht unterwegs. Sie gilt eine halbe Stunde.',
  },
  chooseNewPassword: { en: 'Choose a new password', de: 'Neues Passwort wählen' },
  newPasswordExplanation: {
    en: 'Every session of the account ends with it. Identities that were linked before its e-mail address was verified are unlinked. You review those that were linked since when you sign in: until then they do not work.',
    de: 'Damit enden alle Sitzungen des Kontos. Identitäten, die vor der Bestätigung seiner E-Mail-Adresse verknüpft wurden, werden gelöst. Später verknüpfte prüfen Sie bei der nächsten Anmeldung: Bis dahin funktionieren sie nicht.',
  },
  setThePassword: { en: 'Set the password', de: 'Passwort setzen' },

  verificationRequest: { en: 'Confirm your address', de: 'Adresse bestätigen' },
  verificationRequestExplanation: {
    en: 'Tell us the address that you created your account with. We send you the mail that confirms it again.',
    de: 'Nennen Sie uns die Adresse, mit der Sie Ihr Konto angelegt haben. Wir senden Ihnen die Nachricht, die sie bestätigt, noch einmal.',
  },
  verificationSent: {
    en: 'If an account waits for this address to be confirmed, a mail is on its way. It can be used for a day.',
    de: 'Wenn ein Konto auf die Bestätigung dieser Adresse wartet, ist eine Nachricht unterwegs. Sie gilt einen Tag.',
  },
  isThisYourAddress: { en: 'Is this your address?', de: 'Ist das Ihre Adresse?' },
  verificationExplanation: {
    en: 'The address that the mail came to becomes the verified address of your account.',
    de: 'Die Adresse, an die die Nachricht ging, wird die bestätigte Adresse Ihres Kontos.',
  },
  verificationByPassword: {
    en: 'You are not signed in here. If the account is yours, confirm with the password that you chose for it.',
    de: 'Sie sind hier nicht angemeldet. Ist das Konto Ihres, bestätigen Sie mit dem Passwort, das Sie dafür gewählt haben.',
  },
  yesItIsMine: { en: 'Yes, it is mine', de: 'Ja, das ist meine' },

  oneMoreStep: { en: 'One more step', de: 'Noch ein Schritt' },
  signedInAt: {
    en: 'You signed in at {provider}. No account here is linked to it yet.',
    de: 'Sie haben sich bei {provider} angemeldet. Hier ist noch kein Konto damit verknüpft.',
  },
  signedInAtAs: {
    en: 'You signed in at {provider} as {name}. No account here is linked to it yet.',
    de: 'Sie haben sich bei {provider} als {name} angemeldet. Hier ist noch kein Konto damit verknüpft.',
  },
  iHaveAnAccount: { en: 'I have an account', de: 'Ich habe ein Konto' },
  linkExplanation: {
    en: 'Sign in to it as you did before. {provider} is linked to it then.',
    de: 'Melden Sie sich dort an wie bisher. Danach ist {provider} damit verknüpft.',
  },
  iAmNewHere: { en: 'I am new here', de: 'Ich bin neu hier' },
  doSomethingElse: { en: 'Do something else', de: 'Etwas anderes tun' },
});

/** What stands beside a form, by the code of what is wrong with it. */
const FORM_TEXTS = messages({
  credentials_invalid: {
    en: 'That name and password do not fit together. Check both and try again.',
    de: 'Dieser Name und dieses Passwort passen nicht zusammen. Prüfen Sie beide und versuchen Sie es noch einmal.',
  },
  password_not_allowed: {
    en: 'Passwords cannot be used here. Choose another way.',
    de: 'Passwörter können hier nicht verwendet werden. Wählen Sie einen anderen Weg.',
  },
  too_many_attempts: {
    en: 'There were too many attempts. Wait a few minutes and try again.',
    de: 'Das waren zu viele Versuche. Warten Sie einige Minuten und versuchen Sie es noch einmal.',
  },
  username_invalid: {
    en: 'Use 2 to 64 letters, digits, dots, dashes or underscores, beginning with a letter or digit.',
    de: 'Verwenden Sie 2 bis 64 Buchstaben, Ziffern, Punkte, Binde- oder Unterstriche, mit einem Buchstaben oder einer Ziffer am Anfang.',
  },
  username_taken: {
    en: 'That username is taken. Choose another one.',
    de: 'Dieser Benutzername ist vergeben. Wählen Sie einen anderen.',
  },
  email_invalid: {
    en: 'That is not an e-mail address that can be used here.',
    de: 'Das ist keine E-Mail-Adresse, die hier verwendet werden kann.',
  },
  email_taken: {
    en: 'That address is verified for another account.',
    de: 'Diese Adresse ist für ein anderes Konto bestätigt.',
  },
  password_too_short: { en: 'Use at least 10 characters.', de: 'Verwenden Sie mindestens 10 Zeichen.' },
  password_too_long: { en: 'Use at most 256 characters.', de: 'Verwenden Sie höchstens 256 Zeichen.' },
  password_too_common: {
    en: 'That password is used by many people. Choose another one.',
    de: 'Dieses Passwort verwenden viele Menschen. Wählen Sie ein anderes.',
  },
  password_contains_own_data: {
    en: 'That password contains your own name or address. Choose another one.',
    de: 'Dieses Passwort enthält Ihren eigenen Namen oder Ihre Adresse. Wählen Sie ein anderes.',
  },
  assurance_insufficient: {
    en: 'This account has a stronger way to sign in. Use that one to go on.',
    de: 'Dieses Konto hat einen stärkeren Weg zur Anmeldung. Verwenden Sie diesen, um fortzufahren.',
  },
  password_wrong: { en: 'That is not your password.', de: 'Das ist nicht Ihr Passwort.' },
  display_name_invalid: { en: 'Use 1 to 100 characters.', de: 'Verwenden Sie 1 bis 100 Zeichen.' },
  cannotBeUsed: { en: 'That cannot be used.', de: 'Das kann nicht verwendet werden.' },
});

export const formText = (code: string | undefined): Message | undefined =>
  code === undefined ? undefined : (messageFor(FORM_TEXTS, code) ?? FORM_TEXTS.cannotBeUsed);
