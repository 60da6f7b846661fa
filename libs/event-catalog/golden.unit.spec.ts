import { describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { createCodec } from '#libs/event-store/codec.js';
import type { StoredEvent } from '#libs/event-store/codec.js';
import type { StreamName } from '#libs/event-store/stream-name.js';
import type { SubjectKeys } from '#libs/privacy/subject-keys.js';
import { eventCatalog } from './event-catalog.js';

/*
 * Golden files keep every version of every event that was ever written readable: `golden/<Type>.v<version>.json` is an
 * event as it stands in a log, sealed fields included, with what it must be read as. A file is never changed; a new
 * version gets a new one.
 */
interface Golden {
  readonly stored: Omit<StoredEvent, 'revision' | 'position'>;
  readonly read: object;
}

const FOLDER = 'libs/event-catalog/golden';
/** The key of every subject here: golden files are public. */
const KEY = { kind: 'key', key: { id: '01990000-0000-7000-8000-000000000000', secret: Buffer.alloc(32, 1) } } as const;
const keys: SubjectKeys = {
  forWriting: () => Promise.resolve(KEY.key),
  forReading: (subjects) => Promise.resolve(new Map(subjects.map((subject) => [subject, KEY]))),
};
const codec = createCodec(eventCatalog, keys);
const files = readdirSync(FOLDER).filter((file) => file.endsWith('.json'));

describe('golden files', () => {
  it.each(files)('%s is still read as what it was', async (file) => {
    const { stored, read } = JSON.parse(readFileSync(`${FOLDER}/${file}`, 'utf8')) as Golden;
    const [recorded] = await codec.decode([
      { ...stored, stream: stored.stream as StreamName, revision: 0n, position: 0n },
    ]);
    expect(recorded?.event.data).toEqual(read);
    expect(recorded?.metadata.source).toEqual({ address: '192.0.2.1', userAgent: 'golden' });
  });

  it.each(
    [...eventCatalog.values()].flatMap(({ type, version }) =>
      Array.from({ length: version }, (_, i) => `${type}.v${i + 1}.json`),
    ),
  )('%s exists: every version of every event has one', (file) => {
    expect(files).toContain(file);
  });
});
