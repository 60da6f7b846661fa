import { describe, expect, it } from '@jest/globals';
import type { StoredEvent } from '#libs/event-store/codec.js';
import { subjectRules } from './subject-rules.js';

const stored = (over: Partial<StoredEvent>): StoredEvent => ({
  id: 'id',
  type: 'UserRegistered',
  stream: 'user-ann',
  revision: 0n,
  position: 1n,
  data: {},
  metadata: {},
  ...over,
});

describe('T2: the organization whose events fail', () => {
  it.each<[string, Partial<StoredEvent>, string | null]>([
    ['is named by the event', { data: { organizationId: 'acme' }, metadata: { organizationId: 'globex' } }, 'acme'],
    ['is that of the command', { metadata: { organizationId: 'acme' } }, 'acme'],
    ['is that of the stream', { stream: 'organization-acme', metadata: { organizationId: 'globex' } }, 'acme'],
    ['is none where nothing names it', {}, null],
    [
      'is no value that cannot be an id',
      { data: { organizationId: 'ac\0me' }, metadata: { organizationId: {} } },
      null,
    ],
    ['is none where the event is not JSON', { data: 'text' as never, metadata: 'text' as never }, null],
  ])('%s', (_, event, organizationId) => expect(subjectRules.organizationOf(stored(event))).toBe(organizationId));
});
