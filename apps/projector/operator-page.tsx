import { renderToString } from 'preact-render-to-string';
import { lagOf } from '#libs/projection-engine/lag.js';
import { streamsParked } from '#libs/projection-engine/overview.postgres.js';
import type { ProjectionOverview } from '#libs/projection-engine/overview.postgres.js';

/** Every text of the page. */
const TEXTS = {
  title: 'Read models',
  refreshed: (at: Date): string => `As of ${at.toISOString()}; the page loads itself anew every five seconds.`,
  columns: [
    'Read model',
    'Generation',
    'Version',
    'This process',
    'Behind',
    'Events per second',
    'Building',
    'Parked streams',
  ],
  upToDate: 'up to date',
  behind: (seconds: number, positions: number): string => `${seconds.toFixed(1)} s, ${positions} positions`,
  notMeasured: (at: Date): string => `not measured since ${at.toISOString()}`,
  never: 'not measured yet',
  kept: (generation: number): string => `generation ${generation} is kept for a rollback`,
  parked: 'Parked streams',
  parkedColumns: [
    'Read model',
    'Organization',
    'Cause',
    'Streams',
    'One of them',
    'Waiting behind',
    'Cannot sign in',
    'Tries',
    'Next try',
  ],
  installation: 'the installation',
  example: (stream: string, revision: bigint, cause: string): string => `${stream}, revision ${revision}: ${cause}`,
  none: 'none',
  whatNow: 'ligature projections parked list | retry | skip',
} as const;

const MEASURED_LATELY_MS = 10_000;
const STYLE =
  ':root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}body{margin:2rem auto;max-width:72rem;padding:0 1rem}table{border-collapse:collapse;width:100%}' +
  'th,td{text-align:left;padding:.4rem .8rem .4rem 0;border-bottom:1px solid color-mix(in srgb,currentcolor 25%,transparent);vertical-align:top;overflow-wrap:anywhere}';

/** What the page's table says of one read model beside what every instance knows. */
export interface ShownProjection extends ProjectionOverview {
  /** What this process does for it. */
  readonly state: string;
  /** Events per second that this process applies to it. */
  readonly rate: number;
}

const behindOf = ({ lag }: ShownProjection, now: Date): string => {
  if (!lag) return TEXTS.never;
  if (now.getTime() - lag.measuredAt.getTime() > MEASURED_LATELY_MS) return TEXTS.notMeasured(lag.measuredAt);
  const { seconds, positions } = lagOf(lag, now);
  return lag.oldestAt === null ? TEXTS.upToDate : TEXTS.behind(seconds, positions);
};

const buildingOf = ({ generations, replay }: ShownProjection): string => {
  const building = generations.find(({ state }) => state === 'building');
  const retired = generations.find(({ state }) => state === 'retired');
  if (!replay) return retired ? TEXTS.kept(retired.generation) : '–';
  const share = replay.target && building ? Math.min(100, Number((building.considered * 100n) / replay.target)) : 0;
  return `${replay.kind}: generation ${building?.generation ?? '–'}, ${share} % ${replay.problem ?? ''}`;
};

const Table = ({ head, rows }: { head: readonly string[]; rows: readonly (readonly (string | number)[])[] }) => (
  <table>
    <thead>
      <tr>
        {head.map((cell) => (
          <th scope="col">{cell}</th>
        ))}
      </tr>
    </thead>
    <tbody>
      {rows.map((row) => (
        <tr>
          {row.map((cell) => (
            <td>{cell}</td>
          ))}
        </tr>
      ))}
    </tbody>
  </table>
);

/** The operator's page on the management port: what there is, how far behind, what is parked. Read only. */
export const operatorPage = (projections: readonly ShownProjection[], now: Date): string => {
  const parked = projections.flatMap((projection) => projection.parked);
  return `<!doctype html>${renderToString(
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta http-equiv="refresh" content="5" />
        <title>{TEXTS.title}</title>
        <style dangerouslySetInnerHTML={{ __html: STYLE }} />
      </head>
      <body>
        <h1>{TEXTS.title}</h1>
        <p>{TEXTS.refreshed(now)}</p>
        <Table
          head={TEXTS.columns}
          rows={projections.map((projection) => {
            const live = projection.generations.find(({ state }) => state === 'live');
            return [
              projection.name,
              live?.generation ?? '–',
              live?.version ?? '–',
              projection.state,
              behindOf(projection, now),
              projection.rate.toFixed(1),
              buildingOf(projection),
              streamsParked(projection),
            ];
          })}
        />
        <h2>{TEXTS.parked}</h2>
        {parked.length === 0 ? (
          <p>{TEXTS.none}</p>
        ) : (
          <>
            <Table
              head={TEXTS.parkedColumns}
              rows={parked.map((cause) => [
                cause.projection,
                cause.organizationId ?? TEXTS.installation,
                cause.failure,
                cause.streams,
                TEXTS.example(cause.example.stream, cause.example.revision, cause.example.cause),
                cause.waiting,
                cause.deniedSubjects,
                cause.tries,
                cause.nextTryAt.toISOString(),
              ])}
            />
            <p>
              <code>{TEXTS.whatNow}</code>
            </p>
          </>
        )}
      </body>
    </html>,
  )}`;
};
