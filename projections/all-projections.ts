import type { Projection } from '#libs/projection-engine/projection.js';
import { historyIndexProjection } from './history-index/history-index.projection.js';
import { linksProjection } from './links/links.projection.js';
import { providersProjection } from './providers/providers.projection.js';
import { usersProjection } from './users/users.projection.js';

/** Every read model that the projector builds. */
export const allProjections: readonly Projection[] = [
  usersProjection,
  linksProjection,
  historyIndexProjection,
  providersProjection,
];
