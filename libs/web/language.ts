import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import { LANGUAGES } from './messages.js';
import type { Language } from './messages.js';

export const LanguageContext = createContext<Language>(LANGUAGES.en);

/**
 * The language of the page that is being rendered: `const { t, date } = useLanguage()`, then `t(TEXTS.title)`,
 * `t(TEXTS.since, { day: date(at) })`.
 */
export const useLanguage = (): Language => useContext(LanguageContext);
