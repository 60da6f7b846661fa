import { hostname, userInfo } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { Command } from 'commander';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { inTransaction } from '#libs/platform/postgres/pool.js';
import { allGenerations } from '#libs/projection-engine/generations.postgres.js';
import type { Generation } from '#libs/projection-engine/generations.postgres.js';
import { lagOf } from '#libs/projection-engine/lag.js';
import { projectionsOverview, streamsParked } from '#libs/projection-engine/overview.postgres.js';
import type { ProjectionOverview } from '#libs/projection-engine/overview.postgres.js';
import type { Projection } from '#libs/projection-engine/projection.js';
import { findReplay, requestReplay } from '#libs/projection-engine/replays.postgres.js';
import type { Replay, ReplayKind } from '#libs/projection-engine/replays.postgres.js';
import { allProjections } from '#projections/all-projections.js';
import { withDatabase } from '../connections.js';
import { EXIT, UsageError } from '../exit-codes.js';
import { print, table } from '../output.js';
import { parkedCommand } from './parked.js';

const POLL_MS = 200;
/** A projector that is alive takes a request within a second. */
const UNTAKEN_AFTER_MS = 15_000;
const MEASURED_LATELY_MS = 10_000;

interface Options {
  readonly json?: boolean;
  readonly all?: boolean;
  readonly acceptDifferences?: boolean;
}

/** `ligature projections list | status | replay | verify | rollback | parked` */
export const projectionsCommand = (): Command => {
  const projections = new Command('projections').description('see and rebuild the read models');
  projections
    .command('list')
    .description('the read models that this version knows')
    .option('--json', 'print JSON')
    .action(({ json }: Options) => {
      const known = allProjections.map(({ name, version, streamPrefixes }) => ({ name, version, streamPrefixes }));
      const rows = known.map((p) => [
        p.name,
        String(p.version),
        p.streamPrefixes.map((prefix) => `${prefix}*`).join(' '),
      ]);
      print(json, known, table([['NAME', 'VERSION', 'READS'], ...rows]));
    });
  projections
    .command('status')
    .description('generations of each read model, how far behind it is, what is parked')
    .option('--json', 'print JSON')
    .action(async ({ json }: Options) => {
      const overview = await withDatabase(projectionsOverview);
      const now = new Date();
      print(
        json,
        overview.flatMap((projection) =>
          projection.generations.map((generation) => statusOf(projection, generation, now)),
        ),
        table([
          ['NAME', 'GENERATION', 'STATE', 'VERSION', 'POSITION', 'EVENTS', 'BEHIND', 'PARKED'],
          ...overview.flatMap((projection) =>
            projection.generations.map((generation) => rowOf(projection, generation, now)),
          ),
        ]),
      );
    });
  projections.addCommand(
    requesting(
      'replay',
      'build a read model again from the first event, beside the live one, and switch; reads go on',
      ['replay users', 'replay --all      # in one pass over the log'],
    ),
  );
  projections.addCommand(
    requesting('verify', 'fold the events again and compare with the rows; differences are listed, exit code 1', [
      'verify links',
      'verify --all',
    ]),
  );
  projections.addCommand(
    requesting('rollback', 'back to the generation before the live one, caught up first; reads go on', [
      'rollback users',
    ]),
  );
  projections.addCommand(parkedCommand());
  return projections;
};

/** A command that asks a projector for something and watches it. */
const requesting = (kind: ReplayKind, description: string, examples: readonly string[]): Command => {
  const command = new Command(kind)
    .description(description)
    .argument('[name]', 'see "ligature projections list"')
    .option('--json', 'print JSON');
  if (kind !== 'rollback') command.option('--all', 'every read model');
  if (kind === 'replay')
    command.option(
      '--accept-differences',
      'switch also when the rebuilt rows are not the live ones, which are known to be wrong',
    );
  const shown = examples.map((example) => `  $ ligature projections ${example}`).join('\n');
  return command
    .addHelpText(
      'after',
      `\nExamples:\n${shown}\n\nThe projector does the work: this command may be stopped, and the work goes on.`,
    )
    .action(async (name: string | undefined, { json, all, acceptDifferences = false }: Options) => {
      const chosen = choose(name, all === true);
      const finished = await withDatabase(async (pool) => {
        // All or none: one pass over the log serves them together.
        const requested = await inTransaction(pool, async (db) => {
          const replays: Replay[] = [];
          const requestedBy = `${userInfo().username}@${hostname()}`;
          for (const { name: of, version } of chosen)
            replays.push(
              await requestReplay(db, of, {
                kind,
                requestedBy,
                acceptDifferences,
                ...(kind === 'rollback' ? {} : { version }),
              }),
            );
          return replays;
        });
        return Promise.all(requested.map((replay) => follow(pool, replay, json === true)));
      });
      const reports = finished.map(({ projection, report }) => ({ projection, ...report }));
      print(json, all ? reports : finished[0]?.report, finished.flatMap(linesOf));
      if (finished.some(({ state }) => state === 'failed')) process.exitCode = EXIT.checkFailed;
    });
};

const choose = (name: string | undefined, all: boolean): readonly Projection[] => {
  const names = allProjections.map((projection) => projection.name).join(', ');
  if (all === (name !== undefined))
    throw new UsageError(`Name one read model, or all with --all. There are: ${names}.`);
  if (all) return allProjections;
  const found = allProjections.find((projection) => projection.name === name);
  if (!found) throw new UsageError(`There is no projection "${name}". There are: ${names}.`);
  return [found];
};

const behindOf = (
  { lag }: ProjectionOverview,
  now: Date,
): { readonly text: string; readonly seconds: number | null; readonly positions: number | null } => {
  if (!lag || now.getTime() - lag.measuredAt.getTime() > MEASURED_LATELY_MS)
    return { text: lag ? `unknown since ${lag.measuredAt.toISOString()}` : 'unknown', seconds: null, positions: null };
  const { seconds, positions } = lagOf(lag, now);
  return {
    text: lag.oldestAt === null ? '0 s' : `${seconds.toFixed(1)} s (${positions} positions)`,
    seconds,
    positions,
  };
};

const statusOf = (
  projection: ProjectionOverview,
  { generation, version, state, checkpoint, considered, events }: Generation,
  now: Date,
) => {
  const { seconds, positions } = behindOf(projection, now);
  return {
    name: projection.name,
    generation,
    state,
    version,
    position: checkpoint?.position.toString() ?? null,
    considered: considered.toString(),
    events: Number(events),
    ...(state === 'live'
      ? { lagSeconds: seconds, lagPositions: positions, parkedStreams: streamsParked(projection) }
      : {}),
  };
};

const rowOf = (projection: ProjectionOverview, generation: Generation, now: Date): string[] => {
  const { name, generation: number, state, version, position, events } = statusOf(projection, generation, now);
  const live = state === 'live' ? [behindOf(projection, now).text, String(streamsParked(projection))] : ['-', '-'];
  return [name, String(number), state, String(version), position ?? '-', String(events), ...live];
};

const linesOf = ({ projection, report }: Replay): string[] => [
  ...(report?.after ?? []).map(({ table: of, rows, checksum }) => `${of}: ${rows} rows, checksum ${checksum}`),
  ...(report?.differences ?? []).map(
    ({ table: of, key, kind, columns }) =>
      `${of} ${JSON.stringify(key)}: ${kind.replaceAll('_', ' ')}${columns.length > 0 ? ` (${columns.join(', ')})` : ''}`,
  ),
  `${projection}: ${report?.message ?? ''}${report?.identical && !report.differences ? ' The rows are identical to the ones before.' : ''}`,
];

/**
 * Shows a request's progress until the projector has finished it: a line that renews itself on a terminal, else a line
 * when something changed.
 */
const follow = async (pool: Pool, { id, projection }: Replay, quiet: boolean): Promise<Replay> => {
  const begun = Date.now();
  let first: { readonly events: bigint; readonly at: number } | undefined;
  let shown = '';
  for (; ; await delay(POLL_MS)) {
    const replay = await findReplay(pool, id);
    if (!replay) throw new Error(`The request ${id} is gone`);
    if (replay.state === 'done' || replay.state === 'failed') {
      if (shown && process.stderr.isTTY) process.stderr.write('\n');
      return replay;
    }
    if (replay.state === 'requested' && Date.now() - begun > UNTAKEN_AFTER_MS)
      throw new Error(
        'No projector has taken the request; is one of this version running? The work begins as soon as one does.',
      );
    const building = (await allGenerations(pool)).find(
      (each) => each.projection === projection && each.state === 'building',
    );
    first ??= building && { events: building.events, at: Date.now() };
    const line = progressOf(replay, building, first);
    if (!quiet && line !== shown) process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${line}` : `${line}\n`);
    shown = line;
  }
};

const BAR = 24;

const progressOf = (
  replay: Replay,
  building: Generation | undefined,
  first: { readonly events: bigint; readonly at: number } | undefined,
): string => {
  const { projection, kind, target, problem } = replay;
  if (problem) return `${projection}: waiting, will go on: ${problem}`;
  if (!building || !first || replay.state === 'requested') return `${projection}: waiting for the projector`;
  const share = target && target > 0n ? Math.min(1, Number(building.considered) / Number(target)) : 0;
  const seconds = Math.max(0.001, (Date.now() - first.at) / 1_000);
  const rate = Number(building.events - first.events) / seconds;
  const total = share > 0 ? Number(building.events) / share : 0;
  const left = rate > 0 ? `, ${Math.ceil((total - Number(building.events)) / rate)} s left` : '';
  const bar = process.stderr.isTTY ? `[${'#'.repeat(Math.round(share * BAR)).padEnd(BAR)}] ` : '';
  return `${projection}: ${bar}${kind} in generation ${building.generation}, ${building.events} events, ${(share * 100).toFixed(1)} %, ${Math.round(rate)} events/s${left}`;
};
