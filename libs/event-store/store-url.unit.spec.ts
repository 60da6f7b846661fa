import { describe, expect, it } from '@jest/globals';
import { checkStoreUrl } from './store-url.js';

describe('EVENTSTORE_URL', () => {
  it.each([
    'esdb://localhost:2113?tls=false',
    'esdb://127.0.0.1:2113',
    'esdb://[::1]:2113?tls=false',
    'esdb://user:pass@host:2113',
    'esdb://a:2113,b:2113,c:2113?nodePreference=leader',
    'esdb+discover://cluster.dns.name:2113',
  ])('%s is taken as it is', (url) => expect(checkStoreUrl(url)).toBe(url));

  it.each([
    ['esdb+discover://a,b,c', 'esdb://a,b,c'],
    ['esdb+discover://a:2113,b:2113?tls=false', 'esdb://a:2113,b:2113'],
    ['esdb+discover://user:pass@a:2113,b:2113', 'esdb://a:2113,b:2113'],
  ])('H10: %s is refused, with the right form in the message', (url, right) => {
    expect(() => checkStoreUrl(url)).toThrow(right);
    expect(() => checkStoreUrl(url)).toThrow('asks only its first host');
  });

  it('H10: the message does not tell the password', () => {
    expect(() => checkStoreUrl('esdb+discover://user:hidden@a,b')).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining('hidden') }),
    );
  });

  it.each([
    '',
    'localhost:2113',
    'http://localhost:2113',
    'kurrentdb://localhost',
    'esdb://',
    'esdb:///path',
    'esdb+other://host',
  ])('"%s" is refused, with the forms that there are', (url) =>
    expect(() => checkStoreUrl(url)).toThrow('esdb://host:2113'),
  );
});
