import type { VNode } from 'preact';
import { useLanguage } from '#libs/web/language.js';
import { CsrfField } from '#libs/web/layout.js';
import { messageFor } from '#libs/web/messages.js';
import type { AppOfUser } from './account-dependencies.js';
import { AccountFrame } from './account-frame.js';
import { ACCOUNT_TEXTS as texts, NOTICES } from './texts.js';

export interface AppsPageProps {
  readonly apps: readonly AppOfUser[];
  readonly notice: string | undefined;
  readonly csrf: string;
  readonly isAuditor: boolean;
}

/** The apps with access to the account. */
export const AppsPage = ({ apps, notice, csrf, isAuditor }: AppsPageProps): VNode => {
  const { t, date } = useLanguage();
  return (
    <AccountFrame
      title={t(texts.apps)}
      current="/account/apps"
      csrf={csrf}
      isAuditor={isAuditor}
      notice={messageFor(NOTICES, notice ?? '')}
    >
      <section class="card stack" aria-labelledby="apps-with-access">
        <h2 id="apps-with-access">{t(texts.appsWithAccess)}</h2>
        {apps.length === 0 && <p class="muted">{t(texts.noApps)}</p>}
        <ul class="rows" hidden={apps.length === 0}>
          {apps.map(({ clientId, displayName, since, offline }) => (
            <li key={clientId}>
              <span class="grow">
                <strong>{displayName}</strong>
                <br />
                <span class="muted">
                  {[t(texts.accessSince, { date: date(since) }), ...(offline ? [t(texts.accessWhileAway)] : [])].join(
                    ' · ',
                  )}
                </span>
              </span>
              <form method="post" action="/account/apps/revoke">
                <CsrfField token={csrf} />
                <input type="hidden" name="app" value={clientId} />
                <button class="danger small" type="submit">
                  {t(texts.takeAccessAway)}
                </button>
              </form>
            </li>
          ))}
        </ul>
      </section>
    </AccountFrame>
  );
};
