import { messages } from '#libs/web/messages.js';

/** What a person is told of something that no controller expected. */
export const FAILURE_TEXTS = messages({
  notNow: { en: 'That is not possible right now', de: 'Das ist gerade nicht möglich' },
  tryAgain: { en: 'Try again in a moment.', de: 'Versuchen Sie es gleich noch einmal.' },
  mayBeDone: {
    en: 'It may or may not have been done. Try the same again.',
    de: 'Vielleicht ist es geschehen, vielleicht nicht. Versuchen Sie dasselbe noch einmal.',
  },
  nothingHere: { en: 'There is nothing here', de: 'Hier ist nichts' },
  checkTheAddress: { en: 'Check the address.', de: 'Prüfen Sie die Adresse.' },
  cannotBeUsed: { en: 'That request cannot be used', de: 'Diese Anfrage kann nicht verwendet werden' },
  goBack: { en: 'Go back and try again.', de: 'Gehen Sie zurück und versuchen Sie es noch einmal.' },
  tooMany: { en: 'Too many requests', de: 'Zu viele Anfragen' },
  textInvalid: {
    en: 'A field contains characters that cannot be stored, such as half an emoji or a control character. Type it again.',
    de:
      'Ein Feld enthält Zeichen, die sich nicht speichern lassen, etwa ein halbes Emoji oder ein Steuerzeichen. ' +
      'Geben Sie es neu ein.',
  },
  formsOnly: {
    en: 'This page takes forms only (application/x-www-form-urlencoded).',
    de: 'Diese Seite nimmt nur Formulare entgegen (application/x-www-form-urlencoded).',
  },
  wentWrong: { en: 'Something went wrong', de: 'Etwas ist schiefgegangen' },
  tellYourAdministrator: {
    en: 'Try again; if it happens again, tell your administrator the reference below.',
    de: 'Versuchen Sie es noch einmal; geschieht es wieder, nennen Sie Ihrer Verwaltung die Referenz unten.',
  },
});
