import type { Response } from 'express';
import { LANGUAGES, LOCALES } from './messages.js';
import type { Language, Locale } from './messages.js';

/** A request as Express and Koa show it: what its Accept-Language prefers (RFC 9110, section 12.5.4). */
export interface AcceptsLanguages {
  acceptsLanguages(languages: string[]): string | false;
}

const isLocale = (tag: unknown): tag is Locale => LOCALES.some((locale) => locale === tag);

/** RFC 4647, section 3.4: "de-AT" asks for "de" where there is no nearer one. */
const spoken = (tag: string): Locale | undefined => {
  const language = tag.toLowerCase().split('-')[0];
  return isLocale(language) ? language : undefined;
};

/**
 * The language to answer in: what the app asked for on behalf of the person, else what the browser prefers.
 * @param uiLocales language tags by preference, separated by spaces (OIDC Core 1.0, section 3.1.2.1)
 */
export const languageFor = (request: AcceptsLanguages, uiLocales: unknown): Language => {
  const asked = typeof uiLocales === 'string' ? uiLocales.split(' ').map(spoken).find(isLocale) : undefined;
  const accepted = request.acceptsLanguages([...LOCALES]);
  return LANGUAGES[asked ?? (isLocale(accepted) ? accepted : LOCALES[0])];
};

/** From now on this answer is in what the running interaction asked for. */
export const preferUiLocales = (response: Response, uiLocales: string | undefined): void => {
  response.locals.uiLocales = uiLocales;
};

/** The language of this answer. */
export const languageOfAnswer = (response: Response): Language => languageFor(response.req, response.locals.uiLocales);
