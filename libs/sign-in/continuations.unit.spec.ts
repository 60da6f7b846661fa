import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Request, Response } from 'express';
import { cookiePolicy } from '#libs/web/cookies.js';
import { createContinuations, isAccountPath, typedIn } from './continuations.js';

const policy = cookiePolicy('http://localhost:3000');
const [ANN, BOB] = ['01990000-0000-7000-8000-000000000001', '01990000-0000-7000-8000-000000000002'];

describe('where to go on after a sign-in', () => {
  let jar: Map<string, string>;
  let now: number;
  beforeEach(() => {
    jar = new Map([['ligature_browser', 'b'.repeat(43)]]);
    now = 0;
  });

  const continuations = (key = Buffer.alloc(32, 1)) => createContinuations(key, policy, () => new Date(now));
  const request = (): Request =>
    ({ headers: { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; ') } }) as Request;
  const response = {
    cookie: (name: string, value: string) => jar.set(name, value),
    clearCookie: (name: string) => jar.delete(name),
  } as unknown as Response;
  const typed = { displayName: 'Ada' };
  const remembered = (): void =>
    continuations().remember({ path: '/account/name', userId: ANN, typed }, request(), response);

  it('is the page, and what was typed there, once', () => {
    remembered();
    expect(continuations().leave(request(), response)).toBe('/account/name');
    expect(continuations().take('/account/username', ANN, request(), response)).toBeUndefined();
    expect(continuations().take('/account/name', ANN, request(), response)).toEqual(typed);
    expect(continuations().take('/account/name', ANN, request(), response)).toBeUndefined();
    expect(continuations().leave(request(), response)).toBe('/account');
  });

  it.each<[string, () => void]>([
    ['another user', () => undefined],
    ['another browser', () => jar.set('ligature_browser', 'c'.repeat(43))],
    ['a quarter of an hour later', () => (now += 15 * 60_000)],
    ['a changed cookie', () => jar.set('ligature_continue', `A${jar.get('ligature_continue')?.slice(1)}`)],
    ['a cut cookie', () => jar.set('ligature_continue', 'AAAA')],
  ])('is nothing for %s', (who, happens) => {
    remembered();
    happens();
    expect(
      continuations().take('/account/name', who === 'another user' ? BOB : ANN, request(), response),
    ).toBeUndefined();
  });

  it('is nothing under another key', () => {
    remembered();
    expect(continuations(Buffer.alloc(32, 2)).leave(request(), response)).toBe('/account');
  });

  it('L24: leads to pages of the account only', () => {
    for (const path of [
      '//evil.example',
      'https://evil.example',
      '/account/../x',
      '/account?x',
      '/accountant',
      '/sign-in',
      '/account/\n',
      7,
    ])
      expect(isAccountPath(path)).toBe(false);
    expect(['/account', '/account/sessions', `/verify-email/${'a'.repeat(43)}`].every(isAccountPath)).toBe(true);
    continuations().remember({ path: '//evil.example' }, request(), response);
    expect(continuations().leave(request(), response)).toBe('/account');
  });

  it('keeps no secrets, and not too much', () => {
    const form = {
      csrf: 'token',
      password: 'secret',
      newPassword: 'secret',
      email: 'x'.repeat(1_000),
      list: ['a'],
      name: 'Ada',
    };
    expect(typedIn(form)).toEqual({ email: 'x'.repeat(320), name: 'Ada' });
  });

  it('remembers an organization by its slug, whatever the cookie says', () => {
    continuations().rememberOrganization('initech', response);
    expect(continuations().organization(request())).toBe('initech');
    jar.set('ligature_organization', '../evil');
    expect(continuations().organization(request())).toBeUndefined();
  });
});
