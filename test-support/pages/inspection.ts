import axe from 'axe-core';
import type { AxeResults } from 'axe-core';
import type { Browser, Page } from 'playwright-core';

export const WIDTHS = { phone: 360, desktop: 1_024 } as const;
export const THEMES = ['light', 'dark'] as const;

/** What is wrong with a page, in one width and theme. */
export interface Finding {
  readonly width: number;
  readonly theme: string;
  readonly what: string;
}

/**
 * Looks at pages with a browser that runs script, which theirs does not: the page's text is shown again at its own
 * address, and axe-core runs in it.
 */
export class Inspector {
  private constructor(private readonly page: Page) {}

  static async open(chromium: Browser): Promise<Inspector> {
    const context = await chromium.newContext({ bypassCSP: true });
    return new Inspector(await context.newPage());
  }

  /** Serious accessibility violations, and anything that scrolls sideways. */
  async inspect(seen: Page): Promise<readonly Finding[]> {
    const [url, html] = [seen.url(), await seen.content()];
    await this.page.route(url, (route) => route.fulfill({ contentType: 'text/html', body: html }));
    await this.page.goto(url);
    await this.page.unroute(url);
    await this.page.evaluate(axe.source);
    const findings: Finding[] = [];
    // Each width and each theme once: no rule of the stylesheet depends on both.
    for (const [width, theme] of [
      [WIDTHS.phone, 'light'],
      [WIDTHS.desktop, 'dark'],
    ] as const) {
      await this.page.setViewportSize({ width, height: 720 });
      await this.page.emulateMedia({ colorScheme: theme });
      const { overflow, violations } = await this.page.evaluate(async () => {
        // Strings, since this runs in the page and is compiled without its types.
        const { document, axe: checker } = globalThis as unknown as {
          document: { documentElement: { scrollWidth: number; clientWidth: number } };
          axe: { run(options: object): Promise<AxeResults> };
        };
        const { scrollWidth, clientWidth } = document.documentElement;
        return {
          overflow: scrollWidth - clientWidth,
          violations: (await checker.run({ resultTypes: ['violations'] })).violations,
        };
      });
      if (overflow > 0) findings.push({ width, theme, what: `scrolls sideways by ${overflow} px` });
      for (const { id, impact, nodes } of violations) {
        if (impact === 'serious' || impact === 'critical')
          findings.push({ width, theme, what: `${id}: ${nodes.map(({ html: at }) => at).join(' ')}` });
      }
    }
    return findings;
  }
}
