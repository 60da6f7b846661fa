import type { VNode } from 'preact';
import type { HistoryEntry } from '#libs/audit/entry.js';
import { sentenceFor } from '#libs/audit/sentences.js';
import { useLanguage } from '#libs/web/language.js';
import { AccountFrame } from './account-frame.js';
import { ACCOUNT_TEXTS as texts } from './texts.js';

export interface HistoryPageProps {
  readonly entries: readonly HistoryEntry[];
  readonly next: string | undefined;
  /** What a provider is called. */
  readonly providerName: (providerId: string) => string;
  /** What an app is called. */
  readonly appName: (clientId: string) => string;
  readonly csrf: string;
  readonly isAuditor: boolean;
}

export const HistoryPage = ({ entries, next, providerName, appName, csrf, isAuditor }: HistoryPageProps): VNode => {
  const { t, moment } = useLanguage();
  return (
    <AccountFrame title={t(texts.history)} current="/account/history" csrf={csrf} isAuditor={isAuditor}>
      <section class="card stack" aria-label={t(texts.newestFirst)}>
        <ol class="timeline" id="history">
          {entries.map(({ position, occurredAt, payload, erased, source, clientId, type }) => (
            <li key={position} data-type={type}>
              {sentenceFor({ type, data: payload }, erased, { t, providerName })}
              <br />
              <span class="muted">
                <time datetime={occurredAt}>{moment(new Date(occurredAt))}</time>
                {typeof source === 'object' && source.address
                  ? ` · ${t(texts.fromAddress, { address: source.address })}`
                  : ''}
                {clientId ? ` · ${t(texts.forApp, { app: appName(clientId) })}` : ''}
              </span>
            </li>
          ))}
        </ol>
        {next && (
          <p>
            <a class="button quiet small" href={`/account/history?after=${encodeURIComponent(next)}`}>
              {t(texts.earlier)}
            </a>
          </p>
        )}
      </section>
    </AccountFrame>
  );
};
