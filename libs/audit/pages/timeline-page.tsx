import type { VNode } from 'preact';
import { accountEvents } from '#libs/users/events.js';
import { linkEvents } from '#libs/users/link-events.js';
import { useLanguage } from '#libs/web/language.js';
import { CsrfField } from '#libs/web/layout.js';
import type { HistoryEntry } from '../entry.js';
import type { QueryMistake } from '#libs/platform/query-mistake.js';
import { sentenceFor } from '../sentences.js';
import { AuditorFrame, Input } from './auditor-frame.js';
import { secondOf } from './page-query.js';
import { AUDITOR_TEXTS as texts } from './texts.js';

/** Whose timeline: a user's, or the organization's, which has a form to find a user with. */
export type TimelineOf =
  { readonly userId: string; readonly csrf?: undefined } | { readonly userId?: undefined; readonly csrf: string };

interface Shown {
  readonly title: string;
  readonly entries: readonly HistoryEntry[];
  /** The address of what comes next. */
  readonly next: string | undefined;
  /** The query as it was asked. */
  readonly asked: Readonly<Record<string, unknown>>;
  readonly mistake?: QueryMistake | undefined;
  /** Event types that can be asked for. */
  readonly types: readonly string[];
}

export type TimelineProps = Shown & TimelineOf;

/** Events of the user's own stream: they change the account. */
const CHANGES_THE_ACCOUNT: ReadonlySet<string> = new Set([...accountEvents, ...linkEvents].map(({ type }) => type));

const Filters = ({ asked, mistake, types }: Pick<Shown, 'asked' | 'mistake' | 'types'>): VNode => {
  const { t } = useLanguage();
  const errorOf = (name: string): string | undefined =>
    mistake?.parameter === name ? t(texts.cannotBeUsed, { detail: mistake.detail }) : undefined;
  const filter = (name: string, label: string) => {
    const value = asked[name];
    return { name, label, value: typeof value === 'string' ? value : undefined, error: errorOf(name) };
  };
  return (
    <form class="card stack" method="get" aria-label={t(texts.filters)}>
      <Input {...filter('types', t(texts.types))} list="event-types" />
      <Input {...filter('from', t(texts.from))} type="datetime-local" />
      <Input {...filter('to', t(texts.to))} type="datetime-local" />
      <Input {...filter('actor', t(texts.actor))} />
      <Input {...filter('provider', t(texts.provider))} />
      <p class="row">
        <input id="order" name="order" type="checkbox" value="asc" checked={asked.order === 'asc'} />
        <label for="order">{t(texts.oldestFirst)}</label>
      </p>
      <p class="actions row">
        <button class="small" type="submit">
          {t(texts.apply)}
        </button>
        <a href="?">{t(texts.noFilters)}</a>
      </p>
      <datalist id="event-types">
        {types.map((type) => (
          <option value={type} key={type} />
        ))}
      </datalist>
    </form>
  );
};

const Entry = ({ entry, userId }: { readonly entry: HistoryEntry; readonly userId: string | undefined }): VNode => {
  const { t } = useLanguage();
  const { position, type, payload, erased, occurredAt, actor, source, clientId, providerId, eventId, correlationId } =
    entry;
  const address = typeof source === 'string' ? t(texts.erased) : source?.address;
  const about = [
    t(texts.byActor, { actor: `${actor.type} ${actor.id}` }),
    address && t(texts.fromAddress, { address }),
    clientId && t(texts.forApp, { app: clientId }),
    providerId && t(texts.throughProvider, { provider: providerId }),
  ].filter(Boolean);
  const whose = entry.userId ?? userId;
  const asOf = `/audit/users/${whose}/as-of`;
  return (
    <li data-type={type} data-position={position}>
      {sentenceFor({ type, data: payload }, erased, { t, providerName: (id) => id })}
      <br />
      <span class="muted">
        <time datetime={occurredAt}>{secondOf(occurredAt)}</time>
        {about.map((text) => ` · ${text}`)}
      </span>
      <details>
        <summary class="muted">{t(texts.details)}</summary>
        <pre class="code mail">
          {JSON.stringify({ type, position, eventId, correlationId, payload, erased, source }, null, 2)}
        </pre>
      </details>
      <span class="row">
        {whose && userId === undefined && <a href={`/audit/users/${whose}`}>{t(texts.historyOf)}</a>}
        {whose && <a href={`${asOf}?at=pos:${position}`}>{t(texts.accountBehind)}</a>}
        {whose && CHANGES_THE_ACCOUNT.has(type) && (
          <a href={`${asOf}?from=pos:${BigInt(position) - 1n}&to=pos:${position}`}>{t(texts.changedBy)}</a>
        )}
      </span>
    </li>
  );
};

/**
 * What happened to a user, or in an organization, with filters; a click on an entry leads to the account as of then.
 */
export const TimelinePage = ({ title, userId, csrf, entries, next, ...filters }: TimelineProps): VNode => {
  const { t } = useLanguage();
  return (
    <AuditorFrame title={title} userId={userId} current={userId === undefined ? 'organization' : 'user'}>
      {csrf !== undefined && (
        <form class="card" method="post" action="/audit/users" aria-label={t(texts.findUser)}>
          <CsrfField token={csrf} />
          <Input name="user" label={t(texts.whichUser)} hint={t(texts.whichUserHint)} required />
          <button class="small" type="submit">
            {t(texts.show)}
          </button>
        </form>
      )}
      <Filters {...filters} />
      <section class="card stack" aria-label={t(texts.timeline)}>
        {entries.length === 0 && <p>{t(texts.nothing)}</p>}
        <ol class="timeline" id="history">
          {entries.map((entry) => (
            <Entry entry={entry} userId={userId} key={entry.position} />
          ))}
        </ol>
        {next && (
          <p>
            <a class="button quiet small" href={next}>
              {t(texts.further)}
            </a>
          </p>
        )}
      </section>
    </AuditorFrame>
  );
};
