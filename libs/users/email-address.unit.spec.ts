import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseEmailAddress } from './email-address.js';

const canonicalOf = (input: unknown): string | undefined => {
  const parsed = parseEmailAddress(input);
  return parsed.kind === 'ok' ? parsed.canonical : undefined;
};

describe('parseEmailAddress', () => {
  it('takes an address as it was written, and gives it one canonical form', () => {
    expect(parseEmailAddress('  Ada.Lovelace+News@Example.ORG ')).toEqual({
      kind: 'ok',
      address: 'Ada.Lovelace+News@Example.ORG',
      canonical: 'ada.lovelace+news@example.org',
      domain: 'example.org',
    });
  });

  it.each([
    'a@b.co',
    "o'hara_{x}|~#$&*/?=^`-@example.org",
    'user@xn--bcher-kva.example',
    `${'l'.repeat(64)}@example.org`,
    `a@${'d'.repeat(63)}.example.org`,
    'a@1and1.com',
    `a@${`${'d'.repeat(61)}.`.repeat(4)}abcd`,
  ])('takes %s', (address) => {
    expect(parseEmailAddress(address).kind).toBe('ok');
  });

  it.each([
    ['a quoted local part', '"ada"@example.org'],
    ['two addresses', 'ada@example.org,eve@evil.example'],
    ['a quoted local part with a space', '"ada lovelace"@example.org'],
    ['a comment', 'ada(comment)@example.org'],
    ['a comment in the domain', 'ada@example.org(comment)'],
    ['a route', '@relay.example:ada@example.org'],
    ['a display name', 'Ada <ada@example.org>'],
    ['a percent route', 'ada%evil.example@example.org'],
    ['a bang path', 'evil!ada@example.org'],
    ['two at signs', 'ada@example.org@evil.example'],
    ['an encoded word (RFC 2047)', '=?utf-8?q?ada=40evil.example=3e?=@example.org'],
    ['an encoded word with a quoted space', '=?x?q?a b?=@example.org'],
    ['a bidi override', 'ada\u202e@example.org'],
    ['a right-to-left mark in the domain', 'ada@example\u200f.org'],
    ['a zero-width joiner', 'ad\u200da@example.org'],
    ['a control character', 'ada\u0007@example.org'],
    ['a line break', 'ada@example.org\r\nBcc: eve@evil.example'],
    ['a line break at the end of the domain', 'ada@example\n.org'],
    ['a homoglyph', 'аda@example.org'],
    ['a full-width at sign', 'ada＠example.org'],
    ['an internationalized domain that is not in its xn-- form', 'ada@bücher.example'],
    ['a long s, which lower-cases to an s', 'ada@ſite.example'],
    ['a Kelvin sign, which lower-cases to a k', 'ada\u212a@example.org'],
    ['a dot at the beginning', '.ada@example.org'],
    ['a dot at the end', 'ada.@example.org'],
    ['two dots', 'ada..l@example.org'],
    ['no dot in the domain', 'ada@localhost'],
    ['localhost, rooted', 'ada@localhost.'],
    ['a name below localhost (RFC 6761)', 'ada@mail.localhost'],
    ['a rooted domain', 'ada@example.org.'],
    ['an address literal', 'ada@[127.0.0.1]'],
    ['a bare address of a host', 'ada@127.0.0.1'],
    ['a label that begins with a hyphen', 'ada@-example.org'],
    ['a label that ends with a hyphen', 'ada@example-.org'],
    ['an underscore in the domain', 'ada@exa_mple.org'],
    ['a label of 64', `ada@${'d'.repeat(64)}.org`],
    ['a local part of 65', `${'l'.repeat(65)}@example.org`],
    ['255 characters', `a@${`${'d'.repeat(61)}.`.repeat(4)}abcde`],
    ['no local part', '@example.org'],
    ['no domain', 'ada@'],
    ['nothing', ''],
  ])('L26: refuses %s', (_why, address) => {
    expect(parseEmailAddress(address)).toEqual({ kind: 'refused', code: 'email_invalid' });
  });

  it.each([undefined, null, 5, {}, ['ada@example.org'], { toString: () => 'ada@example.org' }, true])(
    'refuses %p, which is no text',
    (input) => {
      expect(parseEmailAddress(input)).toEqual({ kind: 'refused', code: 'email_invalid' });
    },
  );

  it('is quick on what was made to be slow', () => {
    const begun = performance.now();
    for (const hostile of [
      `${'a.'.repeat(150)}@`,
      `a@${'a-'.repeat(140)}`,
      ' '.repeat(1_000_000),
      `a@${'a.'.repeat(120)}-`,
    ]) {
      expect(parseEmailAddress(hostile).kind).toBe('refused');
    }
    expect(performance.now() - begun).toBeLessThan(200);
  });

  it('L19: a plus-alias and a dot make another address; letter case does not', () => {
    expect(canonicalOf('ada+x@example.org')).not.toBe(canonicalOf('ada@example.org'));
    expect(canonicalOf('a.da@example.org')).not.toBe(canonicalOf('ada@example.org'));
    expect(canonicalOf('ADA@EXAMPLE.ORG')).toBe(canonicalOf('ada@example.org'));
  });

  const addresses = fc
    .tuple(
      fc.stringMatching(/^[A-Za-z0-9+_-]{1,20}(\.[A-Za-z0-9]{1,5})?$/),
      fc.stringMatching(/^[A-Za-z0-9]{1,10}\.[A-Za-z]{2,5}$/),
    )
    .map(([local, domain]) => `${local}@${domain}`);

  it('L19: the canonical form is its own canonical form, in ASCII and lower case', () => {
    fc.assert(
      fc.property(addresses, (address) => {
        const canonical = canonicalOf(address);
        expect(canonical).toMatch(/^[\x21-\x7e]+$/);
        expect(canonicalOf(canonical)).toBe(canonical);
      }),
    );
  });

  it('L19: two addresses have one canonical form exactly when they differ in ASCII letter case only', () => {
    const fold = (text: string): string =>
      text.replace(/[A-Z]/g, (letter) => String.fromCharCode(letter.charCodeAt(0) + 32));
    const recased = fc
      .tuple(addresses, fc.boolean())
      .map(([address, upper]) => (upper ? address.toUpperCase() : address));
    fc.assert(
      fc.property(recased, fc.oneof(recased, addresses), (one, other) => {
        expect(canonicalOf(one) === canonicalOf(other)).toBe(fold(one) === fold(other));
      }),
    );
    fc.assert(
      fc.property(addresses, (address) => expect(canonicalOf(address.toUpperCase())).toBe(canonicalOf(address))),
    );
  });

  it('L26: whatever text comes, only printable ASCII with one at sign gets through', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'binary' }), fc.string()),
        fc.constantFrom('', '@example.org', 'ada@'),
        (text, rest) => {
          const parsed = parseEmailAddress(rest.startsWith('@') ? text + rest : rest + text);
          if (parsed.kind === 'ok') expect(parsed.address).toMatch(/^[\x21-\x3f\x41-\x7e]+@[A-Za-z0-9.-]+$/);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
