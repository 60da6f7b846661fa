import { createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { isStreamName } from '#libs/event-store/stream-name.js';
import { createIndexKeys } from '#libs/privacy/index-key.js';
import { externalIdentityStream } from '#libs/users/external-identity-stream.js';
import { externalIdentityKey } from './external-identity.js';
import type { ExternalIdentity } from './external-identity.js';

const secret = Buffer.alloc(32, 7);
const keys = createIndexKeys(secret);
const identity: ExternalIdentity = {
  organizationId: 'default',
  providerId: 'acme',
  sourceKind: 'oidc',
  issuer: 'https://acme.example',
  subject: 'Ann',
};
const keyOf = (over: Partial<ExternalIdentity> = {}): string => externalIdentityKey(keys, { ...identity, ...over });

describe('the key of an external identity', () => {
  it('L14: is the HMAC over the length-prefixed parts, category and organization first', () => {
    const mac = createHmac('sha256', secret);
    for (const part of ['externalIdentity', 'default', 'acme', 'oidc', 'https://acme.example', 'Ann']) {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(Buffer.byteLength(part));
      mac.update(length).update(part);
    }
    expect(keyOf()).toMatch(/^[0-9a-f]{8}\.[A-Za-z0-9_-]{43}$/);
    expect(keyOf().split('.')[1]).toBe(mac.digest('base64url'));
  });

  it('is the same for the same identity, in every process with the secret', () =>
    expect(externalIdentityKey(createIndexKeys(Buffer.from(secret)), identity)).toBe(keyOf()));

  it.each<[string, Partial<ExternalIdentity>]>([
    ['L14: another case of the subject', { subject: 'ann' }],
    ['L14: a subject with white space around it', { subject: ' Ann' }],
    ['L14, L19: another Unicode form of the subject', { subject: 'Ann\u0301' }],
    ['L14: another case of the issuer', { issuer: 'https://ACME.example' }],
    ['L14: an issuer with a slash at its end', { issuer: 'https://acme.example/' }],
    ['L28: another organization', { organizationId: 'other' }],
    ['another provider', { providerId: 'globex' }],
  ])('%s is another identity', (_title, over) => expect(keyOf(over)).not.toBe(keyOf()));

  it('L14: characters cannot move from one part to the next', () => {
    expect(keyOf({ issuer: 'https://acme.exampleA', subject: 'nn' })).not.toBe(keyOf());
    expect(keyOf({ issuer: 'https://acme.example', subject: '' })).not.toBe(
      keyOf({ issuer: '', subject: 'https://acme.example' }),
    );
    expect(keyOf({ providerId: 'a', issuer: 'b\0c' })).not.toBe(keyOf({ providerId: 'a\0b', issuer: 'c' }));
    expect(keyOf({ subject: 'e\u0301' })).not.toBe(keyOf({ subject: '\u00e9' }));
  });

  it('another secret gives another name for the identity, and for the secret', () => {
    const other = createIndexKeys(Buffer.alloc(32, 8));
    expect(externalIdentityKey(other, identity)).not.toBe(keyOf());
    expect(other.fingerprint).not.toBe(keys.fingerprint);
  });

  it('the stream it names tells nothing of the person', () => {
    const stream = externalIdentityStream(keyOf({ subject: 'ann@acme.example' }));
    expect(isStreamName(stream)).toBe(true);
    expect(stream).not.toContain('ann');
  });
});
