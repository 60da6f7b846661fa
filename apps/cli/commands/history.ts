import { Command } from 'commander';
import type { z } from 'zod';
import { entryOf } from '#libs/audit/entry.js';
import type { HistoryEntry } from '#libs/audit/entry.js';
import type { HistoryAccess } from '#libs/audit-access/events.js';
import { facetsOf, matches } from '#libs/event-catalog/facets.js';
import { followUser } from '#libs/audit/follow.js';
import { historyQuerySchema } from '#libs/audit/history-query.js';
import { momentSchema } from '#libs/audit/moment.js';
import { readAccountAsOf, readDifference } from '#libs/audit/read-account.js';
import type { MomentRefused } from '#libs/audit/read-account.js';
import { recordAccess } from '#libs/audit-access/record-access.js';
import { userEvents } from '#libs/audit/user-events.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import { systemClock } from '#libs/platform/clock.js';
import { operatorContext, withEventStore } from '../connections.js';
import { UsageError } from '../exit-codes.js';
import { print } from '../output.js';
import { exportCommand } from './history-export.js';
import { FILTERS, organizationOf, queryFrom, withFilters } from './history-options.js';
import { lineOfEntry, linesOfAccount, linesOfDifference } from './history-output.js';

interface UserOptions {
  readonly follow?: boolean;
  readonly asOf?: string;
  readonly compareWith?: string;
  readonly sessions?: boolean;
  readonly json?: boolean;
  readonly [filter: string]: string | boolean | undefined;
}

/** `ligature history user ID`, `ligature history export` */
export const historyCommand = (): Command => {
  const history = new Command('history').description(
    'the replayed event streams, for auditors; that somebody reads them is an event, too',
  );
  withFilters(history.command('user'))
    .description('everything that happened to a user, in order; or the account as of a moment')
    .argument('<id>', 'the user id: what relying parties get as "sub"')
    .option('--follow', 'go on with what comes next, until stopped')
    .option('--as-of <moment>', 'the account as of a time (ISO 8601) or behind a position (pos:<position>)')
    .option('--compare-with <moment>', 'with --as-of: what is different at this later moment')
    .option('--sessions', 'with --as-of: the sessions that were open, too')
    .option('--json', 'print JSON; with --follow one object per line')
    .addHelpText(
      'after',
      `
Examples:
  $ ligature history user 0198c5a2-6f0e-7a10-9d2b-3f5c1e7b8a90
  $ ligature history user 0198c5a2-6f0e-7a10-9d2b-3f5c1e7b8a90 --types LoginSucceeded,LoginFailed --order desc
  $ ligature history user 0198c5a2-6f0e-7a10-9d2b-3f5c1e7b8a90 --follow
  $ ligature history user 0198c5a2-6f0e-7a10-9d2b-3f5c1e7b8a90 --as-of 2026-03-03T12:00:00Z
  $ ligature history user 0198c5a2-6f0e-7a10-9d2b-3f5c1e7b8a90 --as-of pos:768 --compare-with 2026-03-04T00:00:00Z`,
    )
    .action(async (id: string, options: UserOptions) => {
      checkTogether(options);
      await withEventStore(async ({ store }) => {
        const organizationId = await organizationOf(store, id);
        const record = (access: HistoryAccess['access'], query: Readonly<Record<string, unknown>>): Promise<void> =>
          recordAccess(store, organizationId, { access, userId: id, query }, operatorContext());
        if (options.compareWith !== undefined) await showDifference(store, id, options, record);
        else if (options.asOf !== undefined) await showAccount(store, id, options, record);
        else await list(store, id, options, record);
      });
    });
  history.addCommand(exportCommand());
  return history;
};

/** Stores that the operator reads what they asked for. */
type RecordIt = (access: HistoryAccess['access'], query: Readonly<Record<string, unknown>>) => Promise<void>;

const checkTogether = ({ asOf, compareWith, sessions, follow, ...rest }: UserOptions): void => {
  if (asOf === undefined && compareWith !== undefined)
    throw new UsageError('--compare-with needs --as-of, the earlier moment');
  if (asOf === undefined && sessions)
    throw new UsageError('--sessions needs --as-of; --as-of with the present time shows what is open now');
  if (compareWith !== undefined && sessions) throw new UsageError('--sessions and --compare-with do not go together');
  const filter = FILTERS.find((name) => rest[name] !== undefined);
  if (asOf !== undefined && (filter ?? follow))
    throw new UsageError(`--as-of shows an account; --${filter ?? 'follow'} is for its history`);
  if (follow && rest.order !== undefined) throw new UsageError('--follow is oldest first; it goes without --order');
};

const list = async (store: EventStore, id: string, options: UserOptions, record: RecordIt): Promise<void> => {
  const { query, asked } = queryFrom(historyQuerySchema, options);
  await record(options.follow ? 'follow' : 'history', asked);
  if (!options.follow) return printEntries(wanted(), options.json ? 'array' : 'text');
  const stopping = new AbortController();
  process.once('SIGINT', () => stopping.abort());
  await printEntries(followUser(store, id, query, stopping.signal), options.json ? 'lines' : 'text');

  async function* wanted(): AsyncGenerator<HistoryEntry, void> {
    for await (const recorded of userEvents(store, id, { ...query, piece: 500 }))
      if (matches(query, facetsOf(recorded))) yield entryOf(recorded);
  }
};

/** Prints entries as they come. */
const printEntries = async (entries: AsyncIterable<HistoryEntry>, as: 'text' | 'lines' | 'array'): Promise<void> => {
  let printed = 0;
  for await (const entry of entries) {
    if (as === 'array') console.log(`${printed === 0 ? '[' : ','}\n${JSON.stringify(entry, null, 2)}`);
    else console.log(as === 'lines' ? JSON.stringify(entry) : lineOfEntry(entry));
    printed += 1;
  }
  if (as === 'array') console.log(printed === 0 ? '[]' : ']');
};

const showAccount = async (
  store: EventStore,
  id: string,
  { asOf, sessions = false, json }: UserOptions,
  record: RecordIt,
): Promise<void> => {
  const moment = momentOf('as-of', asOf);
  const found = await readAccountAsOf({ store, clock: systemClock }, id, { moment, withSessions: sessions });
  if (found.kind === 'refused') throw refusalOf(found, { asOf: 'as-of' });
  await record('as_of', { asOf, ...(sessions ? { include: 'sessions' } : {}) });
  print(json, found.answer, linesOfAccount(found.answer));
};

const showDifference = async (
  store: EventStore,
  id: string,
  { asOf, compareWith, json }: UserOptions,
  record: RecordIt,
): Promise<void> => {
  const [from, to] = [momentOf('as-of', asOf), momentOf('compare-with', compareWith)];
  const found = await readDifference({ store, clock: systemClock }, id, { from, to });
  if (found.kind === 'refused') throw refusalOf(found, { from: 'as-of', to: 'compare-with' });
  await record('difference', { from: asOf, to: compareWith });
  print(json, found.answer, linesOfDifference(found.answer));
};

const momentOf = (option: string, text: string | undefined): z.output<typeof momentSchema> => {
  const parsed = momentSchema.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new UsageError(`--${option}: ${parsed.error.issues[0]?.message}`);
};

/** The refusal in the words of the command line, whose options are called otherwise than the API's parameters. */
const refusalOf = ({ detail }: MomentRefused, options: Readonly<Record<string, string>>): UsageError =>
  new UsageError(detail.replaceAll(/"(\w+)"/g, (_, parameter: string) => `--${options[parameter] ?? parameter}`));
