import { mkdirSync, rmSync } from 'node:fs';
import { launchChromium } from '#test-support/chromium.js';
import { THEMES, WIDTHS } from './inspection.js';
import { startPageInstallation } from './page-installation.js';
import { Person } from './person.js';
import { TOUR } from './tour.js';

const FOLDER = 'docs/screenshots';
const HEIGHT = 720;

/** Writes a picture of every page, in both widths and both themes. @param only names of pages; all when there are none */
export const takeScreenshots = async (only: readonly string[]): Promise<number> => {
  const chromium = await launchChromium();
  const installation = await startPageInstallation();
  let pictures = 0;
  try {
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
          await person.page.screenshot({ path: `${FOLDER}/${name}.${size}.${colorScheme}.png`, fullPage: true });
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
