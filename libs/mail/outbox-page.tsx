import type { VNode } from 'preact';
import { useLanguage } from '#libs/web/language.js';
import { Card, Page } from '#libs/web/layout.js';
import type { OutboxMail } from './outbox-mailer.js';
import { OUTBOX_TEXTS as texts } from './texts.js';

/** A mail's text; addresses of this very server in it can be clicked, others cannot. */
const Text = ({ text, issuer }: { readonly text: string; readonly issuer: string }): VNode => (
  <p class="mail">
    {text
      .split(/(https?:\/\/\S+)/)
      .map((part) => (part.startsWith(`${issuer}/`) ? <a href={part.slice(issuer.length)}>{part}</a> : part))}
  </p>
);

export const OutboxPage = ({
  mails,
  issuer,
}: {
  readonly mails: readonly OutboxMail[];
  readonly issuer: string;
}): VNode => {
  const { t, moment } = useLanguage();
  return (
    <Page title={t(texts.outbox)}>
      <Card>
        <h1>{t(texts.outbox)}</h1>
        <p class="muted">{t(texts.explanation)}</p>
        {mails.length === 0 && <p>{t(texts.nothingYet)}</p>}
      </Card>
      {mails.map(({ to, subject, text, sentAt }) => (
        <Card>
          <h2>{subject}</h2>
          <p class="muted">
            {t(texts.to)} <span class="code">{to}</span> · <time dateTime={sentAt}>{moment(new Date(sentAt))}</time>
          </p>
          <Text text={text} issuer={issuer} />
        </Card>
      ))}
    </Page>
  );
};
