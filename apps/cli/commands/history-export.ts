import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Command } from 'commander';
import { EXPORT_PIECE, exportLines } from '#libs/audit/export-lines.js';
import { cursorOf, exportQuerySchema } from '#libs/audit/history-query.js';
import type { ExportQuery } from '#libs/audit/history-query.js';
import { organizationEvents } from '#libs/audit/organization-events.js';
import { historyIndex } from '#libs/audit/queries/history-index.js';
import { recordAccess } from '#libs/audit-access/record-access.js';
import { userEvents } from '#libs/audit/user-events.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import type { RecordedEvent } from '#libs/event-store/recorded-event.js';
import { loadOrganization } from '#libs/organizations/queries/load-organization.js';
import { slugSchema } from '#libs/platform/slug.js';
import { operatorContext, withEventStore, withReadModels } from '../connections.js';
import { UsageError } from '../exit-codes.js';
import { resumeAt } from '../export-file.js';
import { print } from '../output.js';
import { FILTERS, organizationOf, queryFrom, withFilters } from './history-options.js';

interface ExportOptions {
  readonly user?: string;
  readonly organization?: string;
  readonly out?: string;
  readonly resume?: boolean;
  readonly json?: boolean;
  readonly [query: string]: string | boolean | undefined;
}

/** `ligature history export` */
export const exportCommand = (): Command =>
  withFilters(new Command('export'))
    .description('a history as NDJSON or CSV, whole or by the same filters; flat in memory, however long')
    .option('--user <id>', 'of this user')
    .option('--organization <id>', 'of this organization: its users, settings, and who read its histories')
    .option('--format <format>', 'ndjson (default) or csv')
    .option('--out <file>', 'into this file; to standard output unless told')
    .option('--resume', 'go on behind the last whole line of the file, with the same options as before')
    .option('--json', 'with --out: print what was done as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ ligature history export --user 0198c5a2-6f0e-7a10-9d2b-3f5c1e7b8a90 --format csv --out ada.csv
  $ ligature history export --organization default --from 2026-03-01T00:00:00Z --out march.ndjson
  $ ligature history export --organization default --from 2026-03-01T00:00:00Z --out march.ndjson --resume`,
    )
    .action(async (options: ExportOptions) => {
      const { user, organization, out, resume, json } = options;
      if ((user === undefined) === (organization === undefined))
        throw new UsageError('Say whose: --user or --organization');
      if (resume && out === undefined) throw new UsageError('--resume needs --out, the file to go on with');
      if (resume && options.after !== undefined)
        throw new UsageError('--resume finds out itself where to go on; leave out --after');
      if (json && out === undefined) throw new UsageError('--json needs --out; standard output is the export itself');
      const { query, asked } = queryFrom(exportQuerySchema, options, [...FILTERS, 'format']);
      const resumedAt = resume && out !== undefined ? await resumeAt(out, query.format) : undefined;
      const wanted: ExportQuery = resumedAt === undefined ? query : { ...query, after: resumedAt };
      const recorded = resumedAt === undefined ? asked : { ...asked, after: cursorOf(resumedAt) };
      const progress = { lines: 0 };
      await withEventStore(({ store }) =>
        withEventsOf(store, { user, organization }, wanted, recorded, async (events) => {
          const to = out === undefined ? process.stdout : createWriteStream(out, { flags: resume ? 'a' : 'w' });
          const lines = counted(exportLines(events, wanted), progress);
          await pipeline(Readable.from(lines, { highWaterMark: 1 }), to, { end: out !== undefined });
        }),
      );
      if (out === undefined) return;
      const entries = progress.lines - (query.format === 'csv' && wanted.after === undefined ? 1 : 0);
      const behind = resumedAt === undefined ? null : cursorOf(resumedAt);
      print(json, { out, format: query.format, entries, resumedBehind: behind }, [
        `${entries} entries written to ${out}${behind === null ? '' : `, behind ${behind}`}.`,
      ]);
    });

/** Finds the events of a user or an organization, stores that they are read, and works on them. */
const withEventsOf = async (
  store: EventStore,
  { user, organization = '' }: { readonly user: string | undefined; readonly organization: string | undefined },
  query: ExportQuery,
  asked: Readonly<Record<string, unknown>>,
  work: (events: AsyncIterable<RecordedEvent>) => Promise<void>,
): Promise<void> => {
  const access = { access: 'export', query: asked } as const;
  if (user !== undefined) {
    await recordAccess(store, await organizationOf(store, user), { ...access, userId: user }, operatorContext());
    return work(userEvents(store, user, { ...query, piece: EXPORT_PIECE }));
  }
  const exists =
    slugSchema.safeParse(organization).success &&
    (await loadOrganization(store, organization)).displayName !== undefined;
  if (!exists) throw new UsageError(`There is no organization "${organization}".`);
  await withReadModels(async (readModels) => {
    await recordAccess(store, organization, access, operatorContext());
    await work(organizationEvents(store, historyIndex(readModels), organization, { ...query, piece: EXPORT_PIECE }));
  });
};

/** Counts lines as they go by, and shows how many on a terminal. */
async function* counted(lines: AsyncIterable<string>, progress: { lines: number }): AsyncGenerator<string, void> {
  for await (const text of lines) {
    yield text;
    progress.lines += text.split('\n').length - 1;
    if (process.stderr.isTTY) process.stderr.write(`\r${progress.lines.toLocaleString('en')} lines `);
  }
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
}
