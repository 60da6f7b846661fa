import type { VNode } from 'preact';
import { useLanguage } from '#libs/web/language.js';
import { CsrfField } from '#libs/web/layout.js';
import { messageFor } from '#libs/web/messages.js';
import { AccountFrame } from './account-frame.js';
import { ACCOUNT_TEXTS as texts, NOTICES } from './texts.js';

export interface ShownSession {
  readonly sessionId: string;
  readonly browser: string | undefined;
  readonly system: string | undefined;
  readonly address: string | undefined;
  /** By which provider; none for a password. */
  readonly providerName: string | undefined;
  readonly startedAt: Date;
  readonly lastSeenAt: Date;
}

export interface SessionsPageProps {
  readonly current: ShownSession;
  readonly others: readonly ShownSession[];
  readonly notice: string | undefined;
  readonly csrf: string;
  readonly isAuditor: boolean;
}

const Facts = ({ browser, system, address, providerName, startedAt, lastSeenAt }: ShownSession): VNode => {
  const { t, moment } = useLanguage();
  const device =
    browser && system ? t(texts.browserOnSystem, { browser, system }) : (browser ?? system ?? t(texts.unknownDevice));
  return (
    <span class="grow">
      <strong>{device}</strong>
      <br />
      <span class="muted">
        {[
          ...(address ? [t(texts.fromAddress, { address })] : []),
          t(texts.sessionStarted, { moment: moment(startedAt) }),
          providerName ? t(texts.throughProvider, { provider: providerName }) : t(texts.byPassword),
        ].join(' · ')}
        <br />
        {t(texts.lastSeen, { moment: moment(lastSeenAt) })}
      </span>
    </span>
  );
};

/** Where the person is signed in. */
export const SessionsPage = ({ current, others, notice, csrf, isAuditor }: SessionsPageProps): VNode => {
  const { t } = useLanguage();
  return (
    <AccountFrame
      title={t(texts.sessions)}
      current="/account/sessions"
      csrf={csrf}
      isAuditor={isAuditor}
      notice={messageFor(NOTICES, notice ?? '')}
    >
      <section class="card" aria-labelledby="this-session">
        <h2 id="this-session">{t(texts.thisSession)}</h2>
        <ul class="rows">
          <li>
            <Facts {...current} />
            <span class="tag">{t(texts.youAreHere)}</span>
          </li>
        </ul>
      </section>
      <section class="card stack" aria-labelledby="other-sessions">
        <h2 id="other-sessions">
          {others.length === 0 ? t(texts.noOtherSession) : t(texts.otherSessions, { count: others.length })}
        </h2>
        {others.length === 0 && <p class="muted">{t(texts.noOtherSessions)}</p>}
        <ul class="rows" id="sessions" hidden={others.length === 0}>
          {others.map((session) => (
            <li key={session.sessionId}>
              <Facts {...session} />
              <form method="post" action="/account/sessions/end">
                <CsrfField token={csrf} />
                <input type="hidden" name="session" value={session.sessionId} />
                <button class="danger small" type="submit">
                  {t(texts.endSession)}
                </button>
              </form>
            </li>
          ))}
        </ul>
        {others.length > 0 && (
          <form method="post" action="/account/sessions/end-others">
            <CsrfField token={csrf} />
            <button class="danger" type="submit">
              {t(texts.endOtherSessions)}
            </button>
          </form>
        )}
      </section>
    </AccountFrame>
  );
};
