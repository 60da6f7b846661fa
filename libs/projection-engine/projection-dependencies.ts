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
  /** Names the code that runs, so that what another one could not apply is tried again; see `nameBuild`. */
  readonly build: string;
  /** When a parked stream is tried again, in milliseconds, by how often it was; a minute and more unless told. */
  readonly retryAfterMs?: (tries: number) => number;
  /** Told of each applied batch, for metrics. */
  readonly onApplied?: (projection: string, events: number, state: GenerationState) => void;
}
