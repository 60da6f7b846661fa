import { Command } from 'commander';
import { historyQuerySchema, readHistory } from '#libs/audit/history.js';
import type { HistoryEntry } from '#libs/audit/history.js';
import { isUuid } from '#libs/platform/ids.js';
import { withEventStore } from '../connections.js';
import { UsageError } from '../exit-codes.js';
import { print } from '../output.js';

/** `ligature history user ID` */
export const historyCommand = (): Command => {
  const history = new Command('history').description('the replayed event streams, for auditors');
  history
    .command('user')
    .description('everything that happened to a user, in order')
    .argument('<id>', 'the user id: what relying parties get as "sub"')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ ligature history user 0198c5a2-6f0e-7a10-9d2b-3f5c1e7b8a90')
    .action(async (id: string, { json }: { json?: boolean }) => {
      if (!isUuid(id)) throw new UsageError(`"${id}" is not a user id; it looks like 0198c5a2-6f0e-7a10-9d2b-3f5c1e7b8a90`);
      const entries = await withEventStore(async ({ store }) => {
        const all: HistoryEntry[] = [];
        for (let after: string | undefined; ;) {
          const page = await readHistory(store, id, historyQuerySchema.parse({ limit: 1_000, after }));
          all.push(...page.entries);
          if (!page.next) return all;
          after = page.next;
        }
      });
      if (entries.length === 0) throw new Error(`There are no events of user ${id}.`);
      print(json, entries, entries.map(lineOf));
    });
  return history;
};

const lineOf = ({ position, occurredAt, sentence, source, clientId }: HistoryEntry): string =>
  [position.padStart(8), occurredAt, sentence, source?.address && `from ${source.address}`, clientId && `for ${clientId}`]
    .filter(Boolean)
    .join('  ');
