/**
 * A stream's name: `<category>-<id>`. Categories are camelCase without a dash (EventStoreDB cuts at the first one); ids
 * are opaque and hold nothing personal (domain.md, "Streams").
 */
export type StreamName = `${string}-${string}`;

const pattern = /^[a-z][A-Za-z]*-[A-Za-z0-9._-]{1,180}$/;

/**
 * @throws when the id has a character that no id of ours has: a stranger's input must be checked before it names a
 * stream (H1)
 */
export const streamName = (category: string, id: string): StreamName => {
  const name = `${category}-${id}`;
  if (!pattern.test(name)) throw new RangeError(`"${category}-…" would not be a valid stream name`);
  return name as StreamName;
};

export const isStreamName = (name: string): name is StreamName => pattern.test(name);

/** The part before the first dash. */
export const categoryOf = (name: string): string => name.slice(0, Math.max(0, name.indexOf('-')));

/** The part after the first dash. */
export const idOf = (name: string): string => name.slice(name.indexOf('-') + 1);
