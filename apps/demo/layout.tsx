import type { ComponentChildren, VNode } from 'preact';

interface LayoutProps {
  readonly title: string;
  /** Who the page belongs to: chooses its colour, so that a person sees where they are. */
  readonly site: 'acme' | 'globex' | 'corp' | 'app';
  readonly siteName: string;
  readonly children: ComponentChildren;
}

export const Layout = ({ title, site, siteName, children }: LayoutProps): VNode => (
  <html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <title>{`${title} – ${siteName}`}</title>
      <link rel="stylesheet" href="/style.css" />
    </head>
    <body class={site}>
      <header>
        <span>{siteName}</span> (demo)
      </header>
      <main>
        <h1>{title}</h1>
        {children}
      </main>
    </body>
  </html>
);
