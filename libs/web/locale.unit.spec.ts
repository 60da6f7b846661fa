import { describe, expect, it } from '@jest/globals';
import { request as expressRequest } from 'express';
import type { Request } from 'express';
import { languageFor } from './locale.js';

const asking = (acceptLanguage?: string): Request =>
  Object.assign(Object.create(expressRequest) as Request, {
    headers: acceptLanguage === undefined ? {} : { 'accept-language': acceptLanguage },
  });

describe('the language of an answer', () => {
  it.each([
    [undefined, undefined, 'en'],
    ['de', undefined, 'de'],
    ['de-AT,en;q=0.5', undefined, 'de'],
    ['fr, en;q=0.3, de;q=0.6', undefined, 'de'],
    ['fr', undefined, 'en'],
    ['*', undefined, 'en'],
    ['en', 'de', 'de'],
    ['en', 'fr-CA de-CH en', 'de'],
    ['de', 'fr', 'de'],
    ['de', 'EN-us', 'en'],
    ['de', '', 'de'],
    ['de', ['en'], 'de'],
    ['de;q=broken,,', 'constructor __proto__', 'en'],
  ])('Accept-Language %p and ui_locales %p: %s', (acceptLanguage, uiLocales, expected) => {
    expect(languageFor(asking(acceptLanguage), uiLocales).locale).toBe(expected);
  });
});
