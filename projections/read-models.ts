import { DataSource } from 'typeorm';
import { livenessOf } from '#libs/platform/postgres/pool.js';
import { HistoryIndexView } from './history-index/read-model.js';
import { LinkView } from './links/read-model.js';
import { ProviderView } from './providers/read-model.js';
import { UserView } from './users/read-model.js';

/** A connection to the read models. */
export type ReadModels = DataSource;

/**
 * The read models as TypeORM sees them: entities over the views of the live generations, read only.
 * @param url connection URL of a role that may read the schema `models`
 */
export const connectReadModels = (url: string, applicationName: string): Promise<ReadModels> =>
  new DataSource({
    type: 'postgres',
    url,
    applicationName,
    schema: 'models',
    entities: [UserView, LinkView, HistoryIndexView, ProviderView],
    synchronize: false,
    migrationsRun: false,
    poolSize: 10,
    connectTimeoutMS: 5_000,
    extra: livenessOf(5_000),
  }).initialize();
