import type { ComponentChildren, VNode } from 'preact';
import { renderToString } from 'preact-render-to-string';
import { BrandingContext, useBranding } from './branding.js';
import type { Branding } from './branding.js';
import { LanguageContext, useLanguage } from './language.js';
import type { Language } from './messages.js';
import { WEB_TEXTS as texts } from './texts.js';
import { themeHref } from './theme.js';

interface DocumentProps {
  readonly title: string;
  readonly children: ComponentChildren;
}

/** Preact escapes what is put into it; there is no raw HTML anywhere. */
const Document = ({ title, children }: DocumentProps): VNode => {
  const { locale } = useLanguage();
  const branding = useBranding();
  const theme = branding && themeHref(branding);
  return (
    <html lang={locale}>
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{`${title} · ${branding?.organizationName ?? 'Ligature'}`}</title>
        <link rel="stylesheet" href="/assets/style.css" />
        {theme && <link rel="stylesheet" href={theme} />}
      </head>
      <body>{children}</body>
    </html>
  );
};

/** The first letter of a name, where there is no picture. */
export const Monogram = ({ of }: { readonly of: string }): VNode => (
  <span class="monogram" aria-hidden="true">
    {[...of.trim()][0]?.toUpperCase() ?? ''}
  </span>
);

/** Whose page this is: the organization's logo, which most often has the name in it; else its name. */
const Brand = (): VNode => {
  const { organizationName, logoUrl } = useBranding() ?? { organizationName: 'Ligature' };
  return (
    <div class="brand">
      {logoUrl === undefined ? (
        <>
          <Monogram of={organizationName} />
          <span>{organizationName}</span>
        </>
      ) : (
        <img src={logoUrl} alt={organizationName} />
      )}
    </div>
  );
};

/** A page for one thing to do: the organization above, and a card, or a few. The first card has the page's heading. */
export const Page = ({ title, children }: DocumentProps): VNode => (
  <Document title={title}>
    <div class="focus">
      <header>
        <Brand />
      </header>
      <main id="main">{children}</main>
    </div>
  </Document>
);

/** One card of a `Page`. */
export const Card = ({
  children,
  labelledBy,
}: {
  readonly children: ComponentChildren;
  readonly labelledBy?: string;
}): VNode => (
  <section class="card narrow stack" aria-labelledby={labelledBy}>
    {children}
  </section>
);

export interface WidePageProps extends DocumentProps {
  /** Where else to go from here. */
  readonly tabs: readonly { readonly href: string; readonly label: string; readonly current: boolean }[];
  /** What stands at the top's right: who is signed in, a way to sign out. */
  readonly aside?: ComponentChildren;
}

/** A page of several, with a way from each to each: the account's, the auditor's. */
export const WidePage = ({ title, tabs, aside, children }: WidePageProps): VNode => {
  const { t } = useLanguage();
  return (
    <Document title={title}>
      <a class="skip" href="#main">
        {t(texts.skip)}
      </a>
      <header class="site">
        <Brand />
        {aside}
      </header>
      <div class="wide-page">
        <nav class="tabs" aria-label={t(texts.pages)}>
          {tabs.map(({ href, label, current }) => (
            <a href={href} aria-current={current ? 'page' : undefined} key={href}>
              {label}
            </a>
          ))}
        </nav>
        <main id="main" class="content">
          {children}
        </main>
      </div>
    </Document>
  );
};

/** What all of a page is said and shown in. */
export interface PageFrame {
  /** The answer's, by `languageOfAnswer` or `languageFor`. */
  readonly language: Language;
  readonly branding: Branding | undefined;
}

export const renderPage = (page: VNode, { language, branding }: PageFrame): string =>
  `<!doctype html>${renderToString(
    <LanguageContext.Provider value={language}>
      <BrandingContext.Provider value={branding}>{page}</BrandingContext.Provider>
    </LanguageContext.Provider>,
  )}`;

/** The hidden field that every form carries. */
export const CsrfField = ({ token }: { readonly token: string }): VNode => (
  <input type="hidden" name="csrf" value={token} />
);
