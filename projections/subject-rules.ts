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

/** Who is meant by an event, for the projection engine. */
export const subjectRules: SubjectRules = {
  erasedBy: ({ type, stream }) =>
    type === userErased.type && categoryOf(stream) === 'user' ? idOf(stream) : undefined,
  deniedBy: ({ type, stream }) => {
    const category = categoryOf(stream);
    return category === 'user' || (category === 'userActivity' && TAKES_AWAY.has(type)) ? idOf(stream) : undefined;
  },
};
