import { setTimeout as delay } from 'node:timers/promises';
import { Command } from 'commander';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { parkedStreams, requestForParked } from '#libs/projection-engine/parked.postgres.js';
import type { ParkedStream } from '#libs/projection-engine/parked.postgres.js';
import { withDatabase } from '../connections.js';
import { EXIT, UsageError } from '../exit-codes.js';
import { print, table } from '../output.js';

const POLL_MS = 200;
const PATIENCE_MS = 20_000;

const shownOf = ({
  projection,
  stream,
  revision,
  eventType,
  eventId,
  cause,
  failure,
  organizationId,
  waiting,
  deniedSubject,
  parkedAt,
  tries,
  nextTryAt,
}: ParkedStream) => ({
  projection,
  stream,
  revision: Number(revision),
  eventType,
  eventId,
  cause,
  failure,
  organizationId,
  waiting,
  deniedSubject,
  parkedAt: parkedAt.toISOString(),
  tries,
  nextTryAt: nextTryAt.toISOString(),
});

/** `ligature projections parked list | retry | skip` */
export const parkedCommand = (): Command => {
  const parked = new Command('parked').description(
    'streams that were set aside because one of their events cannot be applied',
  );
  parked
    .command('list')
    .description('what is parked, since when and why, who cannot sign in because of it, and when it is tried again')
    .option('--json', 'print JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const streams = (await withDatabase(parkedStreams)).map(shownOf);
      print(
        json,
        streams,
        streams.length === 0
          ? ['Nothing is parked.']
          : table([
              [
                'PROJECTION',
                'STREAM',
                'REVISION',
                'WAITING',
                'DENIED',
                'SINCE',
                'TRIES',
                'NEXT TRY',
                'ORGANIZATION',
                'CAUSE',
              ],
              ...streams.map((s) => [
                s.projection,
                s.stream,
                String(s.revision),
                String(s.waiting),
                s.deniedSubject ?? '-',
                s.parkedAt,
                String(s.tries),
                s.nextTryAt,
                s.organizationId ?? '-',
                `${s.failure}: ${s.cause}`,
              ]),
            ]),
      );
    });
  parked.addCommand(
    taking(
      'retry',
      'apply the event again, and then, in order, what waits behind it; after a fix',
      'Example:\n  $ ligature projections parked retry users user-0190a1b2-c3d4-7e5f-8a6b-9c0d1e2f3a4b',
    ),
  );
  parked.addCommand(
    taking(
      'skip',
      'give the event up for good, in every generation of this version, and apply what waits behind it',
      'Example:\n  $ ligature projections parked skip users user-0190a1b2-c3d4-7e5f-8a6b-9c0d1e2f3a4b --yes\n\n' +
        'What the event says is then missing from the read model, and whoever was denied because of it can sign in again.',
    ).option('--yes', 'the event is to be given up'),
  );
  return parked;
};

const taking = (request: 'retry' | 'skip', description: string, help: string): Command =>
  new Command(request)
    .description(description)
    .argument('<projection>')
    .argument('<stream>', 'see "ligature projections parked list"')
    .option('--json', 'print JSON')
    .addHelpText('after', `\n${help}`)
    .action(async (projection: string, stream: string, { json, yes }: { json?: boolean; yes?: boolean }) => {
      await withDatabase(async (pool) => {
        const streams = await parkedStreams(pool);
        const parked = streams.find((each) => each.projection === projection && each.stream === stream);
        if (!parked) {
          const known = streams.map((each) => `${each.projection} ${each.stream}`).join(', ');
          throw new UsageError(`${projection} has no parked stream ${stream}. Parked are: ${known || 'none'}.`);
        }
        if (request === 'skip' && !yes) {
          const denied =
            parked.deniedSubject === null ? '' : ` ${parked.deniedSubject} is kept from signing in because of it.`;
          throw new UsageError(
            `This gives up ${parked.eventType}, revision ${parked.revision} of ${stream}, for good.${denied} Say --yes if it is to be.`,
          );
        }
        if (!(await requestForParked(pool, parked, request)))
          throw new Error(`${stream} has moved on meanwhile; look again.`);
        const left = await outcome(pool, parked);
        print(json, left ? shownOf(left) : { projection, stream, cleared: true }, [
          left
            ? `${stream} is still parked, at revision ${left.revision} (${left.eventType}): ${left.cause}`
            : `${stream} goes on.`,
        ]);
        if (left) process.exitCode = EXIT.checkFailed;
      });
    });

/** Waits until the projector has done what was asked. @returns what is parked still */
const outcome = async (pool: Pool, { projection, stream }: ParkedStream): Promise<ParkedStream | undefined> => {
  for (const deadline = Date.now() + PATIENCE_MS; ; await delay(POLL_MS)) {
    const left = (await parkedStreams(pool)).find((each) => each.projection === projection && each.stream === stream);
    if (!left || left.request === null) return left;
    if (Date.now() > deadline)
      throw new Error('No projector has taken the request; is one running? It is done as soon as one is.');
  }
};
