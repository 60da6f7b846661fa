import { createHash, timingSafeEqual } from 'node:crypto';
import type { Metadata } from '@grpc/grpc-js';
import { accessDenied, unauthenticated } from './errors.js';

/** Who calls: a known user, or nobody in particular. */
export type Caller = 'user' | 'anonymous';

/**
 * Tells who calls, by HTTP basic authentication (RFC 7617).
 * @throws CallError unauthenticated, for credentials that are wrong
 */
export type Authenticate = (metadata: Metadata) => Caller;

const digest = (text: string): Buffer => createHash('sha256').update(text, 'utf8').digest();

/** @param users password by name; without any, everyone counts as a user */
export const createAuthentication = (users: ReadonlyMap<string, string>): Authenticate => {
  if (users.size === 0) return () => 'user';
  const expected = [...users].map(([name, password]) => digest(`${name}:${password}`));
  return (metadata) => {
    const [header] = metadata.get('authorization');
    if (header === undefined) return 'anonymous';
    const [, encoded] = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(String(header)) ?? [];
    const given = digest(Buffer.from(encoded ?? '', 'base64').toString('utf8'));
    // All are compared, so that the time taken tells nothing.
    const matches = expected.filter((candidate) => timingSafeEqual(candidate, given));
    if (encoded === undefined || matches.length === 0) throw unauthenticated();
    return 'user';
  };
};

/** @throws CallError access denied or unauthenticated, for everyone but users */
export const requireUser = (authenticate: Authenticate, metadata: Metadata): void => {
  if (authenticate(metadata) !== 'user') throw accessDenied();
};
