import type { VNode } from 'preact';
import type { HistoryEntry } from '#libs/audit/entry.js';
import { Page } from '#libs/web/layout.js';

export interface HistoryPageProps {
  readonly entries: readonly HistoryEntry[];
  readonly next: string | undefined;
}

export const HistoryPage = ({ entries, next }: HistoryPageProps): VNode => (
  <Page title="History">
    <nav>
      <h1 class="grow">History</h1>
      <a href="/account">Back to your account</a>
    </nav>
    <section class="card" aria-label="What happened, newest first">
      <ol class="plain" id="history">
        {entries.map(({ position, occurredAt, sentence, source, clientId, type }) => (
          <li key={position} data-type={type}>
            <span class="grow">
              {sentence}
              <br />
              <span class="muted">
                <time datetime={occurredAt}>{`${occurredAt.slice(0, 19).replace('T', ' ')} UTC`}</time>
                {typeof source === 'object' && source.address ? ` · from ${source.address}` : ''}
                {clientId ? ` · for ${clientId}` : ''}
              </span>
            </span>
          </li>
        ))}
      </ol>
      {next && <a href={`/account/history?after=${encodeURIComponent(next)}`}>Earlier</a>}
    </section>
  </Page>
);
