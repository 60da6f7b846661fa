import { randomBytes } from 'node:crypto';
import { SubjectErasedError } from '#libs/privacy/subject-keys.js';
import type { KeyLookup, SubjectKey, SubjectKeys } from '#libs/privacy/subject-keys.js';

/** Subject keys in memory; a test may destroy or lose one. */
export class MemorySubjectKeys implements SubjectKeys {
  readonly lookups = new Map<string, KeyLookup>();

  forWriting(subject: string): Promise<SubjectKey> {
    const known = this.lookups.get(subject) ?? {
      kind: 'key',
      key: { id: `key-of-${subject}`, secret: randomBytes(32) },
    };
    this.lookups.set(subject, known);
    if (known.kind !== 'key') return Promise.reject(new SubjectErasedError(subject));
    return Promise.resolve(known.key);
  }

  forReading(subjects: readonly string[]): Promise<ReadonlyMap<string, KeyLookup>> {
    return Promise.resolve(
      new Map(subjects.map((subject) => [subject, this.lookups.get(subject) ?? { kind: 'missing' }])),
    );
  }
}
