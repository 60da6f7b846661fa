import { messages } from './messages.js';

/** What pages of several contexts say. */
export const WEB_TEXTS = messages({
  skip: { en: 'Skip to the content', de: 'Zum Inhalt springen' },
  pages: { en: 'Pages', de: 'Seiten' },
  reference: { en: 'Code {code} · reference {reference}', de: 'Code {code} · Referenz {reference}' },
  startAgain: { en: 'Start again', de: 'Von vorn beginnen' },
});
