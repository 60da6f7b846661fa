import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { STYLESHEET } from '#libs/web/stylesheet.js';
import { launchChromium } from '#test-support/chromium.js';
import { Inspector } from '#test-support/pages/inspection.js';
import { startPageInstallation } from '#test-support/pages/page-installation.js';
import type { PageInstallation } from '#test-support/pages/page-installation.js';
import { Person } from '#test-support/pages/person.js';
import { TOUR } from '#test-support/pages/tour.js';

/** HTML and CSS of a page, in bytes (measures.md). */
const MOST_BYTES = 30_000;

/* Every page, in a real browser that runs no script. The stops of the tour build on each other, as a person's do. */
describe('every page', () => {
  let installation: PageInstallation;
  let chromium: Browser;
  let person: Person;
  let inspector: Inspector;

  beforeAll(async () => {
    [installation, chromium] = [await startPageInstallation(), await launchChromium()];
    const context = await chromium.newContext({ javaScriptEnabled: false });
    person = new Person(await context.newPage(), context, installation);
    inspector = await Inspector.open(chromium);
  }, 60_000);
  afterAll(async () => {
    await chromium?.close();
    await installation?.stop();
  });

  it.each(TOUR)('$name: accessible, in both widths and themes, small, without script', async ({ name, go }) => {
    await go(person, installation);
    const html = await person.page.content();
    expect(html).not.toContain('<script');
    expect(html).not.toMatch(/ (?:style|on[a-z]+)="/);
    expect(Buffer.byteLength(html) + Buffer.byteLength(STYLESHEET)).toBeLessThanOrEqual(MOST_BYTES);
    expect(await person.page.locator('html').getAttribute('lang')).toBe(name.endsWith('german') ? 'de' : 'en');
    expect(await person.page.locator('main h1').count()).toBe(1);
    expect(await inspector.inspect(person.page)).toEqual([]);
  });
});
