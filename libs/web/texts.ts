import { messages } from './messages.js';

/** What pages of several contexts say. */
export const WEB_TEXTS = messages({
  reference: { en: 'Code {code} · reference {reference}', de: 'Code {code} · Referenz {reference}' },
  startAgain: { en: 'Start again', de: 'Von vorn beginnen' },
});
