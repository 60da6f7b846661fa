import type { ComponentChildren, VNode } from 'preact';
import { useLanguage } from '#libs/web/language.js';
import { Card, CsrfField, Page, WidePage } from '#libs/web/layout.js';
import type { Message } from '#libs/web/messages.js';
import { ACCOUNT_TEXTS as texts } from './texts.js';

const TABS = [
  { href: '/account', label: texts.overview },
  { href: '/account/sessions', label: texts.sessions },
  { href: '/account/apps', label: texts.apps },
  { href: '/account/history', label: texts.history },
] as const;
const AUDIT_TAB = { href: '/audit', label: texts.audit } as const;

export interface AccountFrameProps {
  readonly title: string;
  readonly current: (typeof TABS)[number]['href'];
  readonly csrf: string;
  /** Whether the auditors' pages are theirs to see. */
  readonly isAuditor: boolean;
  readonly notice?: Message | undefined;
  readonly children: ComponentChildren;
}

/** One of the account's pages. */
export const AccountFrame = ({ title, current, csrf, isAuditor, notice, children }: AccountFrameProps): VNode => {
  const { t } = useLanguage();
  return (
    <WidePage
      title={title}
      tabs={[...TABS, ...(isAuditor ? [AUDIT_TAB] : [])].map(({ href, label }) => ({
        href,
        label: t(label),
        current: href === current,
      }))}
      aside={
        <form method="post" action="/account/sign-out">
          <CsrfField token={csrf} />
          <button class="quiet small" type="submit">
            {t(texts.signOut)}
          </button>
        </form>
      }
    >
      <h1>{title}</h1>
      {notice && (
        <p class="notice" role="status">
          {t(notice)}
        </p>
      )}
      {children}
    </WidePage>
  );
};

export interface StepPageProps {
  readonly title: string;
  readonly children: ComponentChildren;
}

/** A step away from the account page, with the way back. */
export const StepPage = ({ title, children }: StepPageProps): VNode => {
  const { t } = useLanguage();
  return (
    <Page title={title}>
      <Card>
        <h1>{title}</h1>
        {children}
        <p class="foot">
          <a href="/account">{t(texts.backToAccount)}</a>
        </p>
      </Card>
    </Page>
  );
};
