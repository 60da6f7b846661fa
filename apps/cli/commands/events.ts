import { Command } from 'commander';
import { copyLog, CopyRefusedError, CopyStoppedError } from '#libs/event-store/copy-log.js';
import type { CopyProgress } from '#libs/event-store/copy-log.js';
import { checkStoreUrl } from '#libs/event-store/store-url.js';
import { UsageError } from '../exit-codes.js';
import { print } from '../output.js';

/** `ligature events copy --from URL --to URL` */
export const eventsCommand = (): Command => {
  const events = new Command('events').description('the event store itself');
  events
    .command('copy')
    .description(
      'copy a log in order, with ids, types, data and metadata, then compare both; run again, it goes on where it stopped',
    )
    .requiredOption('--from <url>', 'esdb://… to read')
    .requiredOption('--to <url>', 'esdb://… to write: empty, or holding a beginning of the same log')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExample:\n  $ ligature events copy --from "esdb://127.0.0.1:2113?tls=false" --to "esdb://ligature:secret@a,b,c"',
    )
    .action(async ({ from, to, json }: { from: string; to: string; json?: boolean }) => {
      checkUrl('--from', from);
      checkUrl('--to', to);
      const stopping = new AbortController();
      process.once('SIGINT', () => stopping.abort());
      try {
        const report = await copyLog({
          from,
          to,
          signal: stopping.signal,
          ...(json ? {} : { onProgress: (progress) => console.error(lineOf(progress)) }),
        });
        print(json, report, [
          `${report.copied} events copied${report.resumed ? ' (resumed)' : ''}, ${report.verified} compared: both logs are the same.`,
        ]);
      } catch (error) {
        if (error instanceof CopyStoppedError)
          throw new Error('Stopped. Run the same command again: it goes on from here.', { cause: error });
        if (error instanceof CopyRefusedError) throw new Error(`${error.code}: ${error.message}`, { cause: error });
        throw error;
      }
    });
  return events;
};

const checkUrl = (option: string, url: string): void => {
  try {
    checkStoreUrl(url);
  } catch (error) {
    throw new UsageError(`${option}: ${(error as Error).message}`);
  }
};

const lineOf = ({ phase, events, position, end }: CopyProgress): string =>
  `${phase}: ${events} events, ${end === 0n ? '100.0' : (Number((position * 1_000n) / end) / 10).toFixed(1)} %`;
