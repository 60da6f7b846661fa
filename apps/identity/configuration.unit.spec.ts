import { expect, it } from '@jest/globals';
import { readIdentityConfiguration } from './configuration.js';

const secret = Buffer.alloc(32, 1).toString('base64');
const complete = {
  DATABASE_URL: 'postgres://ligature_identity:p@127.0.0.1:5432/ligature',
  EVENTSTORE_URL: 'esdb://127.0.0.1:2113',
  LIGATURE_ISSUER: 'https://id.example.org',
  LIGATURE_MASTER_KEY: secret,
  LIGATURE_INDEX_SECRET: secret,
  LIGATURE_COOKIE_SECRET: secret,
};

it('has safe defaults: production, no trusted proxy, loopback', () => {
  expect(readIdentityConfiguration(complete)).toMatchObject({
    LIGATURE_ENV: 'production',
    IDENTITY_HOST: '127.0.0.1',
    IDENTITY_PORT: 3000,
  });
  expect(readIdentityConfiguration(complete).LIGATURE_TRUSTED_PROXIES).toBeUndefined();
});

it('names every mistake at once, and no value', () => {
  const wrong = {
    ...complete,
    DATABASE_URL: '',
    EVENTSTORE_URL: 'http://s3cret',
    LIGATURE_MASTER_KEY: 'c2hvcnQ=',
    IDENTITY_PORT: '70000',
  };
  const mistakes = [
    'DATABASE_URL: is not set',
    'EVENTSTORE_URL: must look like',
    'LIGATURE_MASTER_KEY: must be 32 bytes',
    'IDENTITY_PORT',
  ];
  for (const mistake of mistakes) expect(() => readIdentityConfiguration(wrong)).toThrow(mistake);
  expect(() => readIdentityConfiguration(wrong)).not.toThrow(/s3cret|c2hvcnQ/);
});

it.each(['http://id.example.org', 'https://id.example.org/', 'https://id.example.org/tenant', 'id.example.org', ''])(
  'refuses the issuer "%s"',
  (issuer) => {
    expect(() => readIdentityConfiguration({ ...complete, LIGATURE_ISSUER: issuer })).toThrow(/LIGATURE_ISSUER/);
  },
);
