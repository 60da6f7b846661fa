import type { VNode } from 'preact';
import { Page } from '#libs/web/layout.js';
import type { OutboxMail } from './outbox-mailer.js';

/** A mail's text; addresses of this very server in it can be clicked, others cannot. */
const Text = ({ text, issuer }: { readonly text: string; readonly issuer: string }): VNode => (
  <p class="mail">
    {text.split(/(https?:\/\/\S+)/).map((part) => (part.startsWith(`${issuer}/`) ? <a href={part.slice(issuer.length)}>{part}</a> : part))}
  </p>
);

export const OutboxPage = ({ mails, issuer }: { readonly mails: readonly OutboxMail[]; readonly issuer: string }): VNode => (
  <Page title="Outbox">
    <h1>Outbox</h1>
    <p class="muted">Mails are not sent from here; the newest hundred are shown. This page exists in development only.</p>
    {mails.length === 0 && <p>Nothing has been mailed yet.</p>}
    {mails.map(({ to, subject, text, sentAt }) => (
      <section class="card">
        <h2>{subject}</h2>
        <p class="muted">
          To <span class="code">{to}</span> · <time dateTime={sentAt}>{sentAt.replace('T', ' ').replace(/\.\d+Z$/, ' UTC')}</time>
        </p>
        <Text text={text} issuer={issuer} />
      </section>
    ))}
  </Page>
);
