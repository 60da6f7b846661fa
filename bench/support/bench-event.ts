import { randomUUID } from 'node:crypto';
import { jsonEvent } from '@eventstore/db-client';
import type { JSONEventData } from '@eventstore/db-client';

/** An event whose data and metadata are 1 kB together, as the measures state it. */
export const benchEvent = (n = 0): JSONEventData =>
  jsonEvent({
    id: randomUUID(),
    type: 'Measured',
    data: { n, filler: 'x'.repeat(900) },
    metadata: { $correlationId: '0190a1b2-c3d4-7e5f-8a6b-9c0d1e2f3a4b', actor: 'bench' },
  }) as JSONEventData;
