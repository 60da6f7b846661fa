import { existsSync } from 'node:fs';
import bundled from '@sparticuz/chromium';
import { chromium } from 'playwright-core';
import type { Browser } from 'playwright-core';

const INSTALLED = [
  '/usr/bin/google-chrome',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/**
 * The bundled one is meant for places where nobody attacks anybody. Here its web security is what is tested; and in one
 * process, closing one browser context ends all.
 */
const UNWANTED =
  /^--(?:disable-web-security|disable-site-isolation-trials|disable-features=.*|allow-running-insecure-content|single-process|no-zygote)$/;

/**
 * A real headless Chromium: the one that npm brings on Linux x64, an installed one elsewhere (or the one that
 * CHROMIUM_PATH names).
 */
export const launchChromium = async (): Promise<Browser> => {
  const named = process.env.CHROMIUM_PATH;
  if (named === undefined && process.platform === 'linux' && process.arch === 'x64') {
    return chromium.launch({
      executablePath: await bundled.executablePath(),
      args: bundled.args.filter((arg) => !UNWANTED.test(arg)),
      headless: true,
    });
  }
  const executablePath = named ?? INSTALLED.find(existsSync);
  if (!executablePath)
    throw new Error('No Chromium was found; install Chrome or Chromium, or name one in CHROMIUM_PATH.');
  return chromium.launch({ executablePath, headless: true });
};
