/**
 * The subject of personal data that belongs to nobody's account: the configuration's secrets, source addresses of
 * clients and strangers. Its key is made at the first start and never destroyed.
 */
export const INSTALLATION_SUBJECT = 'installation';

/** A subject's data key. */
export interface SubjectKey {
  readonly id: string;
  /** 32 bytes (AES-256). */
  readonly secret: Buffer;
}

/**
 * What is known of a subject's key. `destroyed`: erased, a tombstone says so. `missing`: neither a key nor a tombstone,
 * which is loss and is never reported as an erasure (domain.md, "Erased is not missing").
 */
export type KeyLookup =
  { readonly kind: 'key'; readonly key: SubjectKey } | { readonly kind: 'destroyed' } | { readonly kind: 'missing' };

/** Per-subject keys, wrapped by a master key, outside the event store. */
export interface SubjectKeys {
  /** The key to write with; made when the subject has none. @throws {SubjectErasedError} after an erasure */
  forWriting(subject: string): Promise<SubjectKey>;
  /** The keys to read with, of many subjects at once. */
  forReading(subjects: readonly string[]): Promise<ReadonlyMap<string, KeyLookup>>;
}

export interface DestructibleSubjectKeys extends SubjectKeys {
  /**
   * Destroys a subject's key for ever and leaves a tombstone. Idempotent. Other processes forget the key within
   * seconds.
   */
  destroy(subject: string): Promise<void>;
}

export class SubjectErasedError extends Error {
  constructor(subject: string) {
    super(`The subject ${subject} was erased; nothing personal can be written about it`);
  }
}

/**
 * What comes of work on somebody, or nothing when they were erased meanwhile: nothing personal can be written about
 * them any more.
 */
export const unlessErased = async <T>(work: Promise<T>): Promise<T | undefined> => {
  try {
    return await work;
  } catch (error) {
    if (error instanceof SubjectErasedError) return undefined;
    throw error;
  }
};

export class SubjectKeyMissingError extends Error {
  constructor(subject: string) {
    super(
      `The key of subject ${subject} is missing and no erasure explains it; restore the "keys" schema from its backup`,
    );
  }
}
