import { createHash, timingSafeEqual } from 'node:crypto';
import type { Metadata } from '@grpc/grpc-js';
import { accessDenied, unauthenticated } from './errors.js';

/**
 * Who calls. An appender may append to ordinary streams and read, as the account of docs/operating.md may at a real
 * EventStoreDB (E1): it can neither delete nor write metadata, so history is safe from it.
 */
export type Caller = 'administrator' | 'appender' | 'anonymous';

/**
 * Tells who calls, by HTTP basic authentication (RFC 7617).
 * @throws CallError unauthenticated, for credentials that are wrong
 */
export type Authenticate = (metadata: Metadata) => Caller;

/** Passwords by name. */
export interface Accounts {
  readonly administrators: ReadonlyMap<string, string>;
  readonly appenders: ReadonlyMap<string, string>;
}

const digest = (text: string): Buffer => createHash('sha256').update(text, 'utf8').digest();

/** @param accounts without any, every caller counts as an administrator */
export const createAuthentication = ({ administrators, appenders }: Accounts): Authenticate => {
  if (administrators.size + appenders.size === 0) return () => 'administrator';
  const known = (caller: Caller, accounts: ReadonlyMap<string, string>) =>
    [...accounts].map(([name, password]) => ({ caller, digest: digest(`${name}:${password}`) }));
  const expected = [...known('administrator', administrators), ...known('appender', appenders)];
  return (metadata) => {
    const [header] = metadata.get('authorization');
    if (header === undefined) return 'anonymous';
    const [, encoded] = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(String(header)) ?? [];
    const given = digest(Buffer.from(encoded ?? '', 'base64').toString('utf8'));
    // All are compared, so that the time taken tells nothing.
    const [match] = expected.filter((candidate) => timingSafeEqual(candidate.digest, given));
    if (encoded === undefined || !match) throw unauthenticated();
    return match.caller;
  };
};

/** What an account may append to: metadata and the store's own streams are for administrators. */
export const mayAppendTo = (caller: Caller, stream: string): boolean =>
  caller === 'administrator' || (caller === 'appender' && !stream.startsWith('$'));

/** @throws CallError access denied or unauthenticated */
export const requireReader = (authenticate: Authenticate, metadata: Metadata): void => {
  if (authenticate(metadata) === 'anonymous') throw accessDenied();
};

/** @throws CallError access denied or unauthenticated, for everyone but administrators */
export const requireAdministrator = (authenticate: Authenticate, metadata: Metadata): void => {
  if (authenticate(metadata) !== 'administrator') throw accessDenied();
};
