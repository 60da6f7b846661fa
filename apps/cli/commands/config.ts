import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { Command } from 'commander';
import type { Restricting } from '#libs/declared-configuration/agree-on-restrictions.js';
import { applyDeclaration } from '#libs/declared-configuration/apply-declaration.js';
import { checkProviders } from '#libs/declared-configuration/check-providers.js';
import { policyWarnings } from '#libs/declared-configuration/policy-warnings.js';
import { parseDeclaration } from '#libs/declared-configuration/declaration.js';
import type { Declaration } from '#libs/declared-configuration/declaration.js';
import { systemClock } from '#libs/platform/clock.js';
import { endOfLog } from '#libs/event-store/read-log.js';
import type { StoreConnection } from '#libs/event-store/store-connection.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import { loadOrganization } from '#libs/organizations/queries/load-organization.js';
import type { Restriction } from '#libs/organizations/events.js';
import { postgresUrl, readConfiguration } from '#libs/platform/configuration.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { waitForPosition } from '#libs/projection-engine/wait-for-position.js';
import { usersOfProviders } from '#projections/links/read-model.js';
import { connectReadModels } from '#projections/read-models.js';
import { usersOfOrganization } from '#projections/users/read-model.js';
import { operatorContext, providerPolicy, READ_MODEL_PATIENCE_MS, withEventStore } from '../connections.js';
import { EXIT, UsageError } from '../exit-codes.js';
import { print } from '../output.js';

/** `ligature config apply FILE` */
export const configCommand = (): Command => {
  const config = new Command('config').description('declare organizations, identity providers and relying parties');
  config
    .command('apply')
    .description('make the installation what FILE declares; a second run changes nothing')
    .argument('<file>', 'YAML; secrets are named, not written: clientSecret: { env: NAME }')
    .option('--force', 'also if people lose their last way in')
    .option('--initial', 'only if none of the organizations in FILE exists yet')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
What takes ways in away from people of an organization (passwords, recovery, external sign-in, a provider that is no longer offered) is announced
first: from then on it counts for nobody as a way in. After some seconds, when everything that began before has ended, the people who would be left
without a way in are counted, and it is done, or nothing is changed. The projector has to run for that.

Example:
  $ ligature config apply organization.yaml`,
    )
    .action(async (file: string, { json, force, initial }: { json?: boolean; force?: boolean; initial?: boolean }) => {
      const declaration = parseDeclaration(await readDeclared(file), process.env);
      const policy = providerPolicy();
      const { applied, warnings } = await withEventStore(async (core) => {
        const { store } = core;
        if (initial && (await anyExists(store, declaration))) return { warnings: [], applied: UNCHANGED };
        const warnings = await checkProviders(store, declaration, policy, systemClock());
        const restricting: Restricting = {
          clock: systemClock,
          force: force === true,
          pause: (ms) => {
            console.error(`Ways in are to be taken away; waiting ${Math.ceil(ms / 1_000)} s for what began before.`);
            return delay(ms);
          },
          affected: (organizationId, restriction) => affectedPeople(core, organizationId, restriction),
        };
        return { warnings, applied: await applyDeclaration(store, declaration, operatorContext(), restricting) };
      });
      for (const warning of [...policyWarnings(declaration), ...warnings]) console.error(`Warning: ${warning}`);
      if (applied.kind === 'changed_meanwhile')
        throw new Error(`Somebody else changed ${applied.organizationId} at the same time. Run the command again.`);
      if (applied.kind === 'would_take_last_way_in') {
        const people = Object.fromEntries(applied.people);
        const shown = Object.entries(people).map(
          ([id, count]) =>
            `${id}: ${count} people would lose their last way in. Give them another one first, or add --force.`,
        );
        print(json, { kind: applied.kind, people }, ['Nothing was changed.', ...shown]);
        process.exitCode = EXIT.checkFailed;
        return;
      }
      const { changes } = applied;
      const lines = changes.map(({ stream, events }) => `${stream}: ${events.join(', ')}`);
      print(json, changes, lines.length > 0 ? lines : ['Everything is as declared already; nothing was changed.']);
    });
  return config;
};

const UNCHANGED = { kind: 'applied', changes: [] } as const;

const anyExists = async (store: EventStore, { organizations }: Declaration): Promise<boolean> =>
  (await Promise.all(organizations.map(({ id }) => loadOrganization(store, id)))).some(
    ({ displayName }) => displayName !== undefined,
  );

const readDeclared = async (file: string): Promise<string> => {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${(error as Error).message}`);
  }
};

/** Whom a restriction may affect: who holds a link to a provider that goes, or everybody where a method does. */
async function* affectedPeople(
  { connection, pool }: { readonly connection: StoreConnection; readonly pool: Pool },
  organizationId: string,
  { methods, providers }: Restriction,
): AsyncGenerator<readonly string[]> {
  const end = (await endOfLog(connection)) ?? -1n;
  for (const name of ['users', 'links']) await waitForPosition(pool, name, end, READ_MODEL_PATIENCE_MS);
  const readModels = await connectReadModels(
    readConfiguration({ DATABASE_URL: postgresUrl }).DATABASE_URL,
    'ligature-cli',
  );
  try {
    yield* methods.length > 0
      ? usersOfOrganization(readModels, organizationId)
      : usersOfProviders(readModels, ...providers);
  } finally {
    await readModels.destroy();
  }
}
