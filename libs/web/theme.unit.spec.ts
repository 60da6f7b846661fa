import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { PALETTE } from './stylesheet.js';
import { contrast, themeHref, themeStylesheet } from './theme.js';

const color = fc.integer({ min: 0, max: 0xffffff }).map((value) => `#${value.toString(16).padStart(6, '0')}`);
const variablesOf = (css: string): Record<'light' | 'dark', Record<string, string>> => {
  const [light = '', dark = ''] = css.split('@media');
  const read = (text: string): Record<string, string> =>
    Object.fromEntries([...text.matchAll(/--([a-z-]+):(#[0-9a-f]{6})/g)].map(([, k, v]) => [k, v]));
  return { light: read(light), dark: read(dark) };
};
const fileOf = (accentColor?: string, backgroundColor?: string): string =>
  themeHref({ organizationName: 'Test', accentColor, backgroundColor })?.replace('/assets/theme/', '') ?? '';

describe('an organization’s colours', () => {
  it('keep every text readable, whatever was configured, in light and dark', () => {
    fc.assert(
      fc.property(color, color, (accentColor, backgroundColor) => {
        const themes = variablesOf(themeStylesheet(fileOf(accentColor, backgroundColor)) ?? '');
        for (const theme of ['light', 'dark'] as const) {
          const {
            accent = '',
            'accent-ink': accentInk = '',
            link = '',
            ground = '',
            'on-ground': onGround = '',
          } = themes[theme];
          expect(contrast(accent, accentInk)).toBeGreaterThanOrEqual(4.5);
          expect(contrast(accent, PALETTE[theme].paper)).toBeGreaterThanOrEqual(3);
          expect(contrast(link, PALETTE[theme].paper)).toBeGreaterThanOrEqual(4.5);
          expect(contrast(ground, onGround)).toBeGreaterThanOrEqual(4.5);
        }
      }),
    );
  });

  it('stay what they are where they can', () => {
    expect(variablesOf(themeStylesheet(fileOf('#0B6E4F')) ?? '').light).toEqual({
      accent: '#0b6e4f',
      'accent-ink': '#ffffff',
      link: '#0b6e4f',
    });
    expect(themeHref({ organizationName: 'Test' })).toBeUndefined();
  });

  it.each([
    '',
    'default.css',
    '0b6e4f.css',
    '0b6e4f-}body{.css',
    '0B6E4F-default.css',
    '0b6e4f-default.css/..',
    'default-fffffff.css',
  ])('%p is no such stylesheet', (file) => {
    expect(themeStylesheet(file)).toBeUndefined();
  });

  it('the palette itself is readable', () => {
    for (const {
      paper,
      ground,
      ink,
      muted,
      accent,
      link,
      bad,
      good,
      'accent-ink': accentInk,
      'on-ground': onGround,
    } of Object.values(PALETTE)) {
      for (const text of [ink, muted, link, bad, good]) expect(contrast(text, paper)).toBeGreaterThanOrEqual(4.5);
      expect(contrast(accent, accentInk)).toBeGreaterThanOrEqual(4.5);
      expect(contrast(onGround, ground)).toBeGreaterThanOrEqual(4.5);
    }
  });
});
