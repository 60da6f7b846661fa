import { eventCatalog } from '#libs/event-catalog/event-catalog.js';
import { connectEventStore } from '#libs/event-store/connect-event-store.js';
import { systemClock } from '#libs/platform/clock.js';
import { newUuid } from '#libs/platform/ids.js';
import { silentLogger } from '#libs/platform/logger.js';
import { createPool } from '#libs/platform/postgres/pool.js';
import { postgresSubjectKeys } from '#libs/privacy/subject-keys.postgres.js';
import { LagMonitor } from '#libs/projection-engine/lag.js';
import { Projector } from '#libs/projection-engine/projector.js';
import { Replayer } from '#libs/projection-engine/replayer.js';
import { allProjections } from '#projections/all-projections.js';
import { subjectRules } from '#projections/subject-rules.js';
import { deliveredOften } from './delivered-often.js';
import { seededRandom } from './seeded.js';

// A projector that is there to be killed: the engine of apps/projector, each event delivered up to three times. Tells
// its parent once what it does.
const { DATABASE_URL = '', EVENTSTORE_URL = '', MASTER_KEY = '', SEED = '0' } = process.env;
const pool = createPool(DATABASE_URL, { applicationName: 'projector to be killed', max: 20, statementTimeoutMs: 0 });
const keys = postgresSubjectKeys({
  pool,
  masterKey: Buffer.from(MASTER_KEY, 'base64'),
  clock: systemClock,
  newId: newUuid,
});
const core = connectEventStore({
  url: EVENTSTORE_URL,
  catalog: eventCatalog,
  keys,
  clock: systemClock,
  newId: newUuid,
  logger: silentLogger,
});
const connection = deliveredOften(core.connection, seededRandom(Number(SEED)));
const dependencies = { ...core, connection, pool, logger: silentLogger, subjects: subjectRules, build: 'test' };
const projectors = allProjections.map((projection) => new Projector(dependencies, projection));
const never = new AbortController().signal;
for (const runner of [
  ...projectors,
  new Replayer(dependencies, allProjections, String(process.pid)),
  new LagMonitor(dependencies, allProjections),
])
  void runner.run(never);
const telling = setInterval(() => {
  // `standing_by` is also where every projector begins: it has tried for its lock once it has been asked for twice.
  process.send?.({ states: projectors.map(({ state }) => state) });
}, 50);
process.on('disconnect', () => {
  clearInterval(telling);
  process.exit(0);
});
