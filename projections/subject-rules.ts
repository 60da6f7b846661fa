import { userErased } from '#libs/users/events.js';
import { categoryOf, idOf } from '#libs/event-store/stream-name.js';
import type { SubjectRules } from '#libs/projection-engine/subject-rules.js';

/**
 * Types outside `user-` streams that take something away from a person. In `user-` streams any event may be followed by
 * one that does.
 */
const TAKES_AWAY: ReadonlySet<string> = new Set([
  'SessionEnded',
  'ConsentRevoked',
  'TokensRevoked',
  'RefreshTokenReuseDetected',
]);

/** Streams named after the organization that they are about. */
const OF_AN_ORGANIZATION: ReadonlySet<string> = new Set(['organization', 'auditAccess']);
/** Whatever stands in an event that cannot be decoded: only what may be an id is taken for one. */
const ORGANIZATION_ID = /^[\x21-\x7e]{1,200}$/;

/** Who is meant by an event, for the projection engine. */
export const subjectRules: SubjectRules = {
  erasedBy: ({ type, stream }) =>
    type === userErased.type && categoryOf(stream) === 'user' ? idOf(stream) : undefined,
  deniedBy: ({ type, stream }) => {
    const category = categoryOf(stream);
    return category === 'user' || (category === 'userActivity' && TAKES_AWAY.has(type)) ? idOf(stream) : undefined;
  },
  organizationOf: ({ stream, data, metadata }) => {
    if (OF_AN_ORGANIZATION.has(categoryOf(stream))) return idOf(stream);
    const named = [data.organizationId, metadata.organizationId];
    return named.find((id): id is string => typeof id === 'string' && ORGANIZATION_ID.test(id)) ?? null;
  },
};
