import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseEmailAddress } from './email-address.js';
import { checkNewPassword } from './password-policy.js';
import { parseUsername } from './username.js';

describe('parseEmailAddress', () => {
  it.each([
    ['ada@example.org', 'ada@example.org', 'example.org'],
    [' Ada.Lovelace+tag@Mail.Example.ORG ', 'ada.lovelace+tag@mail.example.org', 'mail.example.org'],
    ["o'brien@xn--bcher-kva.example", "o'brien@xn--bcher-kva.example", 'xn--bcher-kva.example'],
  ])('takes %s', (input, canonical, domain) => expect(parseEmailAddress(input)).toMatchObject({ kind: 'ok', canonical, domain }));

  it.each([
    ['a quoted local part', '"ada"@example.org'],
    ['a comment', 'ada(comment)@example.org'],
    ['a route', '<@evil.example:ada@example.org>'],
    ['a display name', 'Ada <ada@example.org>'],
    ['an encoded word', '=?utf-8?q?ada=40evil?=@example.org'],
    ['a percent route', 'ada%evil.example@example.org'],
    ['a bang path', 'evil!ada@example.org'],
    ['two addresses', 'ada@example.org,eve@evil.example'],
    ['two at signs', 'ada@evil.example@example.org'],
    ['a line break', 'ada@example.org\r\nBcc: eve@evil.example'],
    ['a bidi override', 'ada\u202e@example.org'],
    ['a look-alike letter', 'аda@example.org'],
    ['a full-width at sign', 'ada＠example.org'],
    ['an address literal', 'ada@[127.0.0.1]'],
    ['a domain without a dot', 'ada@localhost'],
    ['a domain label with a dash at its end', 'ada@exa-.org'],
    ['two dots', 'ada..lovelace@example.org'],
    ['a dot at the end of the local part', 'ada.@example.org'],
    ['a long local part', `${'a'.repeat(65)}@example.org`],
    ['a long address', `a@${'a'.repeat(60)}.${'b'.repeat(60)}.${'c'.repeat(60)}.${'d'.repeat(60)}.${'e'.repeat(60)}.org`],
    ['nothing', ''],
    ['no text', ['ada@example.org']],
  ])('L26: refuses %s', (_title, input) => expect(parseEmailAddress(input)).toEqual({ kind: 'refused', code: 'email_invalid' }));

  it('L19: the canonical form is its own canonical form, and differs in nothing but case and outer blanks', () => {
    fc.assert(
      fc.property(fc.emailAddress(), fc.boolean(), (address, shout) => {
        const parsed = parseEmailAddress(shout ? address.toUpperCase() : address);
        if (parsed.kind === 'refused') return;
        expect(parsed.canonical).toBe(address.toLowerCase());
        expect(parseEmailAddress(parsed.canonical)).toMatchObject({ canonical: parsed.canonical });
      }),
    );
  });
});

describe('parseUsername', () => {
  it.each([
    ['ada', 'ada'],
    [' Ada.Lovelace_1-x ', 'ada.lovelace_1-x'],
    ['42', '42'],
  ])('takes %s', (input, canonical) => expect(parseUsername(input)).toMatchObject({ kind: 'ok', canonical }));

  it.each([
    ['one character', 'a'],
    ['65 characters', 'a'.repeat(65)],
    ['a dot at its beginning', '.ada'],
    ['a blank', 'ada lovelace'],
    ['a Cyrillic look-alike', 'аda'],
    ['a full-width letter', 'ａda'],
    ['a bidi override', 'a\u202eda'],
    ['a zero-width joiner', 'a\u200dda'],
    ['no text', 42],
  ])('L19: refuses %s', (_title, input) => expect(parseUsername(input)).toEqual({ kind: 'refused', code: 'username_invalid' }));

  it('L18: no username is an e-mail address, and no e-mail address a username', () => {
    fc.assert(fc.property(fc.emailAddress(), (address) => expect(parseUsername(address).kind).toBe('refused')));
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{1,63}$/), (name) => expect(parseEmailAddress(name).kind).toBe('refused')),
    );
  });
});

describe('checkNewPassword', () => {
  it.each([
    ['too short', 'only nine', 'password_too_short'],
    ['counted in characters, not in code units', '😀😀😀😀😀😀😀😀😀', 'password_too_short'],
    ['too long', 'ab cd'.repeat(60), 'password_too_long'],
    ['used by many', 'qwertyuiop', 'password_too_common'],
    ['used by many, with digits behind it', 'Qwertyuiop123', 'password_too_common'],
    ['one character again and again', 'aaaaaaaaaaaa', 'password_too_common'],
    ['the person’s own name', 'my-lovelace-password', 'password_contains_own_data'],
    ['the person’s own address', 'I am ada.byron here', 'password_contains_own_data'],
    ['no text', 42, 'password_too_short'],
  ])('refuses what is %s', (_title, password, code) =>
    expect(checkNewPassword(password, ['lovelace', 'ada.byron@example.org', undefined])).toEqual({ kind: 'refused', code }),
  );
  it('takes what is long enough and the person’s own secret', () =>
    expect(checkNewPassword('a horse that nobody knows', ['ada', 'ada@example.org'])).toEqual({ kind: 'ok' }));
});
