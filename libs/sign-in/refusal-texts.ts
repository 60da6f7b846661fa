import { messages } from '#libs/web/messages.js';

/** Titles and next steps of the sign-in pages' refusals. */
export const REFUSAL_TEXTS = messages({
  notSignedIn: { en: 'You are not signed in', de: 'Sie sind nicht angemeldet' },
  notLinked: { en: 'Not linked', de: 'Nicht verknüpft' },
  notConfirmed: { en: 'Not confirmed', de: 'Nicht bestätigt' },
  nothingChanged: { en: 'Nothing was changed', de: 'Nichts wurde geändert' },
  noAccountCreated: { en: 'No account was created', de: 'Es wurde kein Konto angelegt' },
  organizationUnknown: { en: 'There is no such organization', de: 'Diese Organisation gibt es nicht' },
  checkTheAddress: { en: 'Check the address.', de: 'Prüfen Sie die Adresse.' },
  signInExpired: { en: 'This sign-in has expired', de: 'Diese Anmeldung ist abgelaufen' },
  goBackToTheApp: {
    en: 'Go back to the app and start again.',
    de: 'Gehen Sie zurück zur Anwendung und beginnen Sie von vorn.',
  },
  formExpired: { en: 'This form has expired', de: 'Dieses Formular ist abgelaufen' },
  openThePageAgain: {
    en: 'Open the page again and repeat what you did.',
    de: 'Öffnen Sie die Seite noch einmal und wiederholen Sie, was Sie getan haben.',
  },
  chooseAnotherWay: {
    en: 'This identity provider cannot be used here. Choose another way.',
    de: 'Dieser Identitätsanbieter kann hier nicht verwendet werden. Wählen Sie einen anderen Weg.',
  },
  providerUnreachable: {
    en: 'The identity provider cannot be reached',
    de: 'Der Identitätsanbieter ist nicht erreichbar',
  },
  tryAgainOrAnotherWay: {
    en: 'Try again in a moment, or choose another way to sign in.',
    de: 'Versuchen Sie es gleich noch einmal, oder wählen Sie einen anderen Weg zur Anmeldung.',
  },
  providerEnded: {
    en: 'The identity provider ended the sign-in. Start again, or choose another way.',
    de: 'Der Identitätsanbieter hat die Anmeldung beendet. Beginnen Sie von vorn, oder wählen Sie einen anderen Weg.',
  },
  noAccount: {
    en: 'No account can be used with this identity. Choose another way, or ask your administrator.',
    de: 'Mit dieser Identität kann kein Konto verwendet werden. Wählen Sie einen anderen Weg, oder fragen Sie Ihre Verwaltung.',
  },
  linkedToAnother: {
    en: 'This identity is linked to another account. Sign in with it and unlink it there first.',
    de: 'Diese Identität ist mit einem anderen Konto verknüpft. Melden Sie sich mit ihr an und lösen Sie sie zuerst dort.',
  },
  useTheStrongerWay: {
    en: 'This account has a stronger way to sign in. Start again, and use that one.',
    de: 'Dieses Konto hat einen stärkeren Weg zur Anmeldung. Beginnen Sie von vorn, und verwenden Sie diesen.',
  },
  linkingForbidden: {
    en: 'Your organization does not allow linking this identity provider.',
    de: 'Ihre Organisation erlaubt nicht, diesen Identitätsanbieter zu verknüpfen.',
  },
  linkExpired: {
    en: 'The request to link has expired or belongs to another sign-in. Start again from your account.',
    de: 'Die Verknüpfung ist abgelaufen oder gehört zu einer anderen Anmeldung. Beginnen Sie in Ihrem Konto von vorn.',
  },
  creationForbidden: {
    en: 'Your organization does not allow creating accounts this way.',
    de: 'Ihre Organisation erlaubt nicht, Konten auf diesem Weg anzulegen.',
  },
  registrationForbidden: {
    en: 'Your organization does not allow creating accounts by hand.',
    de: 'Ihre Organisation erlaubt nicht, selbst Konten anzulegen.',
  },
  mailUsedUp: {
    en: 'This mail can no longer be used. Ask for another one.',
    de: 'Diese Nachricht gilt nicht mehr. Fordern Sie eine neue an.',
  },
  notVerified: { en: 'Not verified', de: 'Nicht bestätigt' },
  verificationUsedUp: {
    en: 'This mail can no longer be used here. Add the address to your account again to get another one.',
    de: 'Diese Nachricht gilt hier nicht mehr. Fügen Sie die Adresse Ihrem Konto noch einmal hinzu, um eine neue zu erhalten.',
  },
  addressOfAnother: {
    en: 'That address is verified for another account.',
    de: 'Diese Adresse ist für ein anderes Konto bestätigt.',
  },
  tooOften: { en: 'That was too often', de: 'Das war zu oft' },
  waitAFewMinutes: {
    en: 'Wait a few minutes and try again.',
    de: 'Warten Sie einige Minuten und versuchen Sie es noch einmal.',
  },
  notYourIdentity: {
    en: 'That was not an identity of your account. Try again with one that is linked to it.',
    de: 'Das war keine Identität Ihres Kontos. Versuchen Sie es mit einer, die damit verknüpft ist.',
  },
  notSignedInJustNow: {
    en: 'The identity provider did not confirm that you signed in just now. Try again.',
    de: 'Der Identitätsanbieter hat nicht bestätigt, dass Sie sich eben angemeldet haben. Versuchen Sie es noch einmal.',
  },
  answerNotAccepted: {
    en: 'The identity provider’s answer could not be accepted. Start again; if it happens again, tell your administrator the reference below.',
    de: 'Die Antwort des Identitätsanbieters konnte nicht angenommen werden. Beginnen Sie von vorn; geschieht es wieder, nennen Sie Ihrer Verwaltung die Referenz.',
  },
});
