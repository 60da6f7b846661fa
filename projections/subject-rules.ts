import { userErased } from '#libs/accounts/events.js';
import { categoryOf, idOf } from '#libs/event-store/stream-name.js';
import type { SubjectRules } from '#libs/projection-engine/subject-rules.js';

/** Who is meant by an event, for the projection engine. */
export const subjectRules: SubjectRules = {
  erasedBy: ({ type, stream }) => (type === userErased.type && categoryOf(stream) === 'user' ? idOf(stream) : undefined),
};
