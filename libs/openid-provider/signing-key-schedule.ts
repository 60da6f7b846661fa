/** A signing key's place in time. */
export interface ScheduledKey {
  readonly kid: string;
  readonly alg: string;
  /** Until then it is published only, so that every app has it before the first signature. */
  readonly signsFrom: Date;
}

/** What each key is for at a moment. */
export interface KeySchedule<Key extends ScheduledKey> {
  /** The keys that sign, one for each algorithm. */
  readonly signing: readonly Key[];
  /** In the JWKS: those that sign, those that will, and those whose tokens may still live. */
  readonly published: readonly Key[];
  /** Good for recognizing an ID token that comes back as `id_token_hint`, and for nothing else. */
  readonly hintsOnly: readonly Key[];
  /** To be forgotten. */
  readonly over: readonly Key[];
}

const MINUTE_MS = 60_000;
/** From a key's making to its first signature: longer than apps and proxies keep a JWKS (ours says five minutes). */
export const LEAD_MS = 15 * MINUTE_MS;
/** The longest that a token lives which a key signed last (an ID token: one hour), and some skew. */
export const TOKENS_LIVE_MS = 70 * MINUTE_MS;
/** As long as a session may last: an app may send back the ID token of its sign-in. */
export const HINTS_LIVE_MS = 90 * 24 * 60 * MINUTE_MS;

/** The schedule follows from the keys' times alone, so that all instances come to the same one. Pure. */
export const scheduleOf = <Key extends ScheduledKey>(keys: readonly Key[], now: Date): KeySchedule<Key> => {
  const signing: Key[] = [];
  const published: Key[] = [];
  const hintsOnly: Key[] = [];
  const over: Key[] = [];
  for (const alg of new Set(keys.map((key) => key.alg))) {
    const ofAlg = keys.filter((key) => key.alg === alg).sort((a, b) => a.signsFrom.getTime() - b.signsFrom.getTime());
    const current = Math.max(
      0,
      ofAlg.findLastIndex(({ signsFrom }) => signsFrom <= now),
    );
    ofAlg.forEach((key, i) => {
      const successor = ofAlg[i + 1];
      const retiredForMs = i < current && successor ? now.getTime() - successor.signsFrom.getTime() : 0;
      if (i === current) signing.push(key);
      if (retiredForMs <= TOKENS_LIVE_MS) published.push(key);
      else if (retiredForMs <= HINTS_LIVE_MS) hintsOnly.push(key);
      else over.push(key);
    });
  }
  return { signing, published, hintsOnly, over };
};
