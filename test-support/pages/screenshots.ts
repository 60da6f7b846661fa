import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { launchChromium } from '#test-support/chromium.js';
import { THEMES, WIDTHS } from './inspection.js';
import { startPageInstallation } from './page-installation.js';
import { Person } from './person.js';
import { TOUR } from './tour.js';

const FOLDER = 'docs/screenshots';
const HEIGHT = 720;

/** As WebP, a third of the size: the browser itself can write it. @param script a page that runs script */
const asWebp = async (script: Page, png: Buffer): Promise<Buffer> => {
  const url = await script.evaluate(
    async (source) => {
      const image = new Image();
      image.src = source;
      await image.decode();
      const canvas = document.createElement('canvas');
      [canvas.width, canvas.height] = [image.width, image.height];
      canvas.getContext('2d')?.drawImage(image, 0, 0);
      return canvas.toDataURL('image/webp', 0.85);
    },
    `data:image/png;base64,${png.toString('base64')}`,
  );
  return Buffer.from(url.slice(url.indexOf(',') + 1), 'base64');
};

/**
 * Writes a picture of every page, in both widths and both themes.
 * @param only names of pages; all when there are none
 */
export const takeScreenshots = async (only: readonly string[]): Promise<number> => {
  const chromium = await launchChromium();
  const installation = await startPageInstallation();
  let pictures = 0;
  try {
    const script = await chromium.newPage();
    const context = await chromium.newContext({ javaScriptEnabled: false });
    const person = new Person(await context.newPage(), context, installation);
    if (only.length === 0) rmSync(FOLDER, { recursive: true, force: true });
    mkdirSync(FOLDER, { recursive: true });
    for (const { name, go } of TOUR) {
      await go(person, installation);
      if (only.length > 0 && !only.includes(name)) continue;
      for (const [size, width] of Object.entries(WIDTHS)) {
        for (const colorScheme of THEMES) {
          await person.page.setViewportSize({ width, height: HEIGHT });
          await person.page.emulateMedia({ colorScheme });
          const png = await person.page.screenshot({ fullPage: true });
          writeFileSync(`${FOLDER}/${name}.${size}.${colorScheme}.webp`, await asWebp(script, png));
          pictures += 1;
        }
      }
    }
  } finally {
    await chromium.close();
    await installation.stop();
  }
  return pictures;
};
