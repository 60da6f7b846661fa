import { startNode } from '#apps/event-store/node.js';
import type { HazardSwitches } from '#apps/event-store/hazards/switches.js';
import { exitWithParent } from '#libs/platform/exit-with-parent.js';
import { silentLogger } from '#libs/platform/logger.js';
import { createRegistry, startManagementServer } from '#libs/platform/management.js';

/**
 * The embedded node as a process of its own, as bad as a real EventStoreDB: it ends live subscribers that fall 32
 * events behind (H6), and while its parent says so (`{ stale: true }`) it serves reads that do not require the leader
 * from where the log stood then (H8).
 */
const switches: HazardSwitches = { endSubscribersBehind: 32 };
const node = await startNode({
  databaseUrl: process.env.DATABASE_URL ?? '',
  host: '127.0.0.1',
  port: Number(process.env.EVENT_STORE_PORT),
  logger: silentLogger,
  switches,
});
await startManagementServer({
  port: Number(process.env.EVENT_STORE_MANAGEMENT_PORT),
  registry: createRegistry(),
  started: () => true,
  ready: () => Promise.resolve({ ok: node.available() }),
});
exitWithParent();
process.on('message', ({ stale }: { readonly stale: boolean }) => {
  if (stale) switches.staleAfter = node.end();
  else delete switches.staleAfter;
});
process.on('SIGTERM', () => void node.stop().then(() => process.exit(0)));
