import { setTimeout as delay } from 'node:timers/promises';
import { Command } from 'commander';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { allGenerations } from '#libs/projection-engine/generations.postgres.js';
import type { Generation } from '#libs/projection-engine/generations.postgres.js';
import { findReplay, requestReplay } from '#libs/projection-engine/replays.postgres.js';
import type { Replay } from '#libs/projection-engine/replays.postgres.js';
import { allProjections } from '#projections/all-projections.js';
import { withDatabase } from '../connections.js';
import { EXIT, UsageError } from '../exit-codes.js';
import { print, table } from '../output.js';

const POLL_MS = 200;
/** A projector that is alive takes a request within a second. */
const UNTAKEN_AFTER_MS = 15_000;

/** `ligature projections list | status | replay NAME` */
export const projectionsCommand = (): Command => {
  const projections = new Command('projections').description('see and rebuild the read models');
  projections
    .command('list')
    .description('the read models that this version knows')
    .option('--json', 'print JSON')
    .action(({ json }: { json?: boolean }) => {
      const known = allProjections.map(({ name, version, streamPrefixes }) => ({ name, version, streamPrefixes }));
      print(
        json,
        known,
        table([
          ['NAME', 'VERSION', 'READS'],
          ...known.map((p) => [p.name, String(p.version), p.streamPrefixes.map((prefix) => `${prefix}*`).join(' ')]),
        ]),
      );
    });
  projections
    .command('status')
    .description('generations, positions and events of each read model')
    .option('--json', 'print JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const generations = await withDatabase(allGenerations);
      print(
        json,
        generations.map(statusOf),
        table([['NAME', 'GENERATION', 'STATE', 'VERSION', 'POSITION', 'EVENTS'], ...generations.map(rowOf)]),
      );
    });
  projections
    .command('replay')
    .description('build a read model again from the first event, beside the live one, and switch; reads go on')
    .argument('<name>', 'see "ligature projections list"')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExample:\n  $ ligature projections replay users\n\nThe projector does the work: this command may be stopped and the replay goes on.',
    )
    .action(async (name: string, { json }: { json?: boolean }) => {
      checkName(name);
      const replay = await withDatabase((pool) => followReplay(pool, name, json === true));
      const { report } = replay;
      print(json, report, [
        ...(report?.after ?? []).map(({ table: of, rows, checksum }) => `${of}: ${rows} rows, checksum ${checksum}`),
        `${report?.message ?? ''} ${report?.identical ? 'The rows are identical to the ones before.' : ''}`.trim(),
      ]);
      if (replay.state === 'failed') process.exitCode = EXIT.checkFailed;
    });
  return projections;
};

const checkName = (name: string): void => {
  const names = allProjections.map((projection) => projection.name);
  if (!names.includes(name)) throw new UsageError(`There is no projection "${name}". There are: ${names.join(', ')}.`);
};

const statusOf = ({ projection, generation, version, state, checkpoint, considered, events }: Generation) => ({
  name: projection,
  generation,
  state,
  version,
  position: checkpoint?.position.toString() ?? null,
  considered: considered.toString(),
  events: Number(events),
});

const rowOf = (generation: Generation): string[] => {
  const { name, generation: number, state, version, position, events } = statusOf(generation);
  return [name, String(number), state, String(version), position ?? '-', String(events)];
};

/** Asks for the replay and shows its progress until the projector has finished it. */
const followReplay = async (pool: Pool, name: string, quiet: boolean): Promise<Replay> => {
  const { id } = await requestReplay(pool, name);
  const begun = Date.now();
  for (let shown = ''; ; await delay(POLL_MS)) {
    const replay = await findReplay(pool, id);
    if (!replay) throw new Error(`The request ${id} is gone`);
    if (replay.state === 'done' || replay.state === 'failed') return replay;
    if (replay.state === 'requested' && Date.now() - begun > UNTAKEN_AFTER_MS) {
      throw new Error('No projector has taken the request; is one running? The replay begins as soon as one does.');
    }
    const progress = await progressOf(pool, name, replay, Date.now() - begun);
    if (!quiet && progress !== shown) console.error(progress);
    shown = progress;
  }
};

const progressOf = async (pool: Pool, name: string, replay: Replay, elapsedMs: number): Promise<string> => {
  const building = (await allGenerations(pool)).find(({ projection, state }) => projection === name && state === 'building');
  if (!building || replay.state === 'requested') return `${name}: waiting for the projector`;
  const position = building.checkpoint?.position ?? 0n;
  const share = replay.target && replay.target > 0n ? Number((position * 1000n) / replay.target) / 10 : 0;
  const rate = Math.round(Number(building.events) / Math.max(0.001, elapsedMs / 1000));
  const left = share > 0 ? `, ${Math.ceil((elapsedMs / 1000) * ((100 - share) / share))} s left` : '';
  return `${name}: generation ${building.generation}, ${building.events} events, ${Math.min(100, share).toFixed(1)} %, ${rate} events/s${left}`;
};
