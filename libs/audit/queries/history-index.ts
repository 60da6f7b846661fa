import type { StreamName } from '#libs/event-store/stream-name.js';
import { findInHistoryIndex } from '#projections/history-index/read-model.js';
import type { ReadModels } from '#projections/read-models.js';
import type { HistoryIndex } from '../organization-events.js';

/** The index that the projection `history-index` keeps. */
export const historyIndex = (readModels: ReadModels): HistoryIndex => ({
  find: async (organizationId, query) =>
    (await findInHistoryIndex(readModels, organizationId, query)).map(({ position, stream, revision }) => ({
      position: BigInt(position),
      stream: stream as StreamName,
      revision: BigInt(revision),
    })),
});
