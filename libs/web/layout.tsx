import type { ComponentChildren, VNode } from 'preact';
import { renderToString } from 'preact-render-to-string';
import { LanguageContext, useLanguage } from './language.js';
import type { Language } from './messages.js';

export interface PageProps {
  readonly title: string;
  readonly children: ComponentChildren;
}

/** The frame of every page. Preact escapes what is put into it; there is no raw HTML anywhere. */
export const Page = ({ title, children }: PageProps): VNode => (
  <html lang={useLanguage().locale}>
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <title>{`${title} · Ligature`}</title>
      <link rel="stylesheet" href="/assets/style.css" />
    </head>
    <body>
      <main>{children}</main>
    </body>
  </html>
);

/** @param language the answer's, by `languageOfAnswer` or `languageFor` */
export const renderPage = (page: VNode, language: Language): string =>
  `<!doctype html>${renderToString(<LanguageContext.Provider value={language}>{page}</LanguageContext.Provider>)}`;

/** The hidden field that every form carries. */
export const CsrfField = ({ token }: { readonly token: string }): VNode => <input type="hidden" name="csrf" value={token} />;
