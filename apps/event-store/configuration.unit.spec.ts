import { describe, expect, it } from '@jest/globals';
import { ConfigurationError, readConfiguration } from './configuration.js';

const DATABASE_URL = 'postgresql://ligature_event_store:x@127.0.0.1:5432/ligature';

const mistakes = (env: NodeJS.ProcessEnv): readonly string[] => {
  try {
    readConfiguration(env);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.mistakes;
  }
};

it('listens on loopback with its usual ports, unless told otherwise', () => {
  expect(readConfiguration({ DATABASE_URL })).toEqual({
    databaseUrl: DATABASE_URL,
    host: '127.0.0.1',
    port: 2113,
    managementPort: 9002,
    tls: undefined,
    accounts: { administrators: new Map(), appenders: new Map() },
  });
});

describe('a mistake is named:', () => {
  it.each<readonly [string, NodeJS.ProcessEnv, RegExp]>([
    ['no database', {}, /DATABASE_URL/],
    ['a database URL of another kind', { DATABASE_URL: 'mysql://x' }, /DATABASE_URL/],
    ['a port that is none', { DATABASE_URL, EVENT_STORE_PORT: '70000' }, /EVENT_STORE_PORT/],
    [
      'a management port that is none',
      { DATABASE_URL, EVENT_STORE_MANAGEMENT_PORT: 'x' },
      /EVENT_STORE_MANAGEMENT_PORT/,
    ],
    [
      'a certificate that cannot be read',
      { DATABASE_URL, EVENT_STORE_TLS_CERT: '/no', EVENT_STORE_TLS_KEY: '/no' },
      /EVENT_STORE_TLS_CERT: /,
    ],
    ['a certificate without key', { DATABASE_URL, EVENT_STORE_TLS_CERT: '/no' }, /go together/],
    ['users without TLS: the client would not send them', { DATABASE_URL, EVENT_STORE_USERS: 'a:b' }, /needs TLS/],
    ['a user without password', { DATABASE_URL, EVENT_STORE_USERS: 'a' }, /name:password/],
    ['other than loopback without TLS and users', { DATABASE_URL, EVENT_STORE_HOST: '0.0.0.0' }, /lets others in/],
  ])('%s', (_title, env, sentence) => {
    expect(mistakes(env).join('\n')).toMatch(sentence);
  });

  it('and so are all the others', () => {
    expect(mistakes({ EVENT_STORE_PORT: 'x', EVENT_STORE_HOST: '10.0.0.1', EVENT_STORE_USERS: 'a' })).toHaveLength(4);
  });
});
