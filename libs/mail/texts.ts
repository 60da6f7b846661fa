import { messages } from '#libs/web/messages.js';

/** What the outbox's page says. */
export const OUTBOX_TEXTS = messages({
  outbox: { en: 'Outbox', de: 'Postausgang' },
  explanation: {
    en: 'Mails are not sent from here; the newest hundred are shown. This page exists in development only.',
    de: 'Von hier werden keine Nachrichten gesendet; gezeigt werden die neuesten hundert. Diese Seite gibt es nur in der Entwicklung.',
  },
  nothingYet: { en: 'Nothing has been mailed yet.', de: 'Es wurde noch nichts gesendet.' },
  to: { en: 'To', de: 'An' },
});
