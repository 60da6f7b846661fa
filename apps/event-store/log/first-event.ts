import type { Write } from './write.js';

/**
 * A log begins with a system event, as EventStoreDB's does, so that whoever reads `$all` without a filter for system
 * events notices it on the first day and not in production. Its meaning here: when this log was made.
 */
export const firstEventOfALog = (id: string, now: Date): Write => ({
  kind: 'append',
  stream: '$epoch-information',
  expected: 'no_stream',
  events: [
    {
      id,
      type: '$epoch-information',
      isJson: true,
      data: Buffer.from(JSON.stringify({ epochNumber: 0, timeStamp: now.toISOString() })),
      metadata: new Uint8Array(0),
    },
  ],
});
