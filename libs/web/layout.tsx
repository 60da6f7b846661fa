import type { ComponentChildren, VNode } from 'preact';
import { renderToString } from 'preact-render-to-string';

export interface PageProps {
  readonly title: string;
  readonly children: ComponentChildren;
}

/** The frame of every page. Preact escapes what is put into it; there is no raw HTML anywhere. */
export const Page = ({ title, children }: PageProps): VNode => (
  <html lang="en">
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

export const renderPage = (page: VNode): string => `<!doctype html>${renderToString(page)}`;

/** The hidden field that every form carries. */
export const CsrfField = ({ token }: { readonly token: string }): VNode => <input type="hidden" name="csrf" value={token} />;
