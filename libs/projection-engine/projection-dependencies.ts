import type { Codec } from '#libs/event-store/codec.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import type { StoreConnection } from '#libs/event-store/store-connection.js';
import type { Logger } from '#libs/platform/logger.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import type { GenerationState } from './generations.postgres.js';
import type { SubjectRules } from './subject-rules.js';

/** What running projections needs. */
export interface ProjectionDependencies {
  readonly pool: Pool;
  readonly connection: StoreConnection;
  readonly codec: Codec;
  readonly store: Pick<EventStore, 'readStored'>;
  readonly logger: Logger;
  readonly subjects: SubjectRules;
  /** Told of each applied batch, for metrics. */
  readonly onApplied?: (projection: string, events: number, state: GenerationState) => void;
}
