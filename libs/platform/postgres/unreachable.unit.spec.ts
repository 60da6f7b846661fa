import { describe, expect, it } from '@jest/globals';
import { isDatabaseUnreachable } from './unreachable.js';

describe('an error of the database', () => {
  it.each([
    Object.assign(new Error('getaddrinfo EAI_AGAIN db'), { code: 'EAI_AGAIN' }),
    Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }),
    Object.assign(new Error('connect ENETUNREACH'), { code: 'ENETUNREACH' }),
    new Error('Query read timeout'),
    new Error('Client has encountered a connection error and is not queryable'),
    new AggregateError([Object.assign(new Error(''), { code: 'ECONNREFUSED' })]),
  ])('%s: nothing is wrong with the request', (error) => {
    expect(isDatabaseUnreachable(error)).toBe(true);
  });

  it.each([
    Object.assign(new Error('duplicate key'), { code: '23505', severity: 'ERROR' }),
    new Error('of ours'),
    undefined,
  ])('%s: something is', (error) => {
    expect(isDatabaseUnreachable(error)).toBe(false);
  });
});
