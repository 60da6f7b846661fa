import type { Branding } from './branding.js';
import { PALETTE } from './stylesheet.js';

/**
 * An organization's colours as a stylesheet of its own, so that no page needs `style-src` to allow more than our own
 * files. Its address *is* the colours: nothing to look up, and good for ever. Whatever somebody configures, text keeps
 * the contrast of WCAG 2.2, 1.4.3.
 */
export const themeHref = ({ accentColor, backgroundColor }: Branding): string | undefined =>
  accentColor === undefined && backgroundColor === undefined
    ? undefined
    : `/assets/theme/${nameOf(accentColor)}-${nameOf(backgroundColor)}.css`;

const nameOf = (color: string | undefined): string => color?.slice(1).toLowerCase() ?? 'default';

const FILE = /^(default|[0-9a-f]{6})-(default|[0-9a-f]{6})\.css$/;

/** The stylesheet of such an address; nothing for any other. */
export const themeStylesheet = (file: string): string | undefined => {
  const [, accent, background] = FILE.exec(file) ?? [];
  if (accent === undefined || background === undefined) return undefined;
  const colors = (theme: 'light' | 'dark'): string =>
    Object.entries({
      ...(accent === 'default' ? {} : accentOf(`#${accent}`, theme)),
      ...(background === 'default' ? {} : groundOf(`#${background}`, theme)),
    })
      .map(([name, color]) => `--${name}:${color}`)
      .join(';');
  return `:root{${colors('light')}}@media (prefers-color-scheme:dark){:root{${colors('dark')}}}`;
};

const MIN_TEXT = 4.5;
/** WCAG 2.2, 1.4.11: what has to be seen but not read. */
const MIN_SHAPE = 3;
/** A ground for dark rooms is no lighter than this. */
const DARK_LUMINANCE = 0.02;

const accentOf = (accent: string, theme: 'light' | 'dark') => {
  const { paper } = PALETTE[theme];
  const button = moved(accent, theme, (color) => contrast(color, paper) >= MIN_SHAPE);
  return {
    accent: button,
    'accent-ink': inkOn(button),
    link: moved(accent, theme, (color) => contrast(color, paper) >= MIN_TEXT),
  };
};

const groundOf = (background: string, theme: 'light' | 'dark') => {
  const ground =
    theme === 'light' ? background : moved(background, 'light', (color) => luminance(color) <= DARK_LUMINANCE);
  return { ground, 'on-ground': inkOn(ground) };
};

/** Black or white, whichever is read better: one of them always has a contrast of at least 4.58. */
const inkOn = (color: string): string =>
  contrast(color, '#ffffff') >= contrast(color, '#000000') ? '#ffffff' : '#000000';

/** The nearest shade that will do: darker in a light theme, lighter in a dark one. */
const moved = (color: string, theme: 'light' | 'dark', enough: (color: string) => boolean): string => {
  const target = theme === 'light' ? 0 : 255;
  for (let share = 0; share <= 1; share += 0.02) {
    const shade = hex(channels(color).map((channel) => Math.round(channel + (target - channel) * share)));
    if (enough(shade)) return shade;
  }
  return hex([target, target, target]);
};

const channels = (color: string): readonly number[] => [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
const hex = (values: readonly number[]): string =>
  `#${values.map((value) => value.toString(16).padStart(2, '0')).join('')}`;

/** WCAG 2.2, "relative luminance". */
const luminance = (color: string): number => {
  const [red = 0, green = 0, blue = 0] = channels(color).map((channel) => {
    const share = channel / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};

/** WCAG 2.2, "contrast ratio". */
export const contrast = (one: string, other: string): number => {
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
};
