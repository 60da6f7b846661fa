import type { VNode } from 'preact';
import type { HistoryEntry } from '#libs/audit/history.js';
import { sentenceFor } from '#libs/audit/sentences.js';
import { useLanguage } from '#libs/web/language.js';
import { Page } from '#libs/web/layout.js';
import { ACCOUNT_TEXTS as texts } from './texts.js';

export interface HistoryPageProps {
  readonly entries: readonly HistoryEntry[];
  readonly next: string | undefined;
  /** What a provider is called. */
  readonly providerName: (providerId: string) => string;
}

export const HistoryPage = ({ entries, next, providerName }: HistoryPageProps): VNode => {
  const { t, moment } = useLanguage();
  return (
    <Page title={t(texts.history)}>
      <nav>
        <h1 class="grow">{t(texts.history)}</h1>
        <a href="/account">{t(texts.backToAccount)}</a>
      </nav>
      <section class="card" aria-label={t(texts.newestFirst)}>
        <ol class="plain" id="history">
          {entries.map(({ position, occurredAt, payload, source, clientId, type }) => (
            <li key={position} data-type={type}>
              <span class="grow">
                {sentenceFor({ type, data: payload }, { t, providerName })}
                <br />
                <span class="muted">
                  <time datetime={occurredAt}>{moment(new Date(occurredAt))}</time>
                  {source?.address ? ` · ${t(texts.fromAddress, { address: source.address })}` : ''}
                  {clientId ? ` · ${t(texts.forApp, { app: clientId })}` : ''}
                </span>
              </span>
            </li>
          ))}
        </ol>
        {next && <a href={`/account/history?after=${encodeURIComponent(next)}`}>{t(texts.earlier)}</a>}
      </section>
    </Page>
  );
};
