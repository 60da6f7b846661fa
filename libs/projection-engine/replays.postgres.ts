import type { Queryable } from '#libs/platform/postgres/pool.js';
import type { TableChecksum } from './generations.postgres.js';
import type { RowDifference } from './row-differences.postgres.js';

export type ReplayState = 'requested' | 'running' | 'done' | 'failed';

/**
 * `replay`: build again and switch. `rollback`: back to the generation before. `verify`: build again, compare row by
 * row, and throw it away.
 */
export type ReplayKind = 'replay' | 'rollback' | 'verify';

/** What came of a request, told to the operator. */
export interface ReplayReport {
  readonly before: readonly TableChecksum[];
  readonly after: readonly TableChecksum[];
  /** Whether the rows are the same; `null` where they need not be: another version, another store, a rollback. */
  readonly identical: boolean | null;
  /** Rows that are not what the events say; at most a thousand. */
  readonly differences?: readonly RowDifference[];
  readonly message: string;
}

export interface Replay {
  readonly id: string;
  readonly projection: string;
  readonly kind: ReplayKind;
  readonly state: ReplayState;
  /** Of the projection; a projector of another version leaves it alone. `null`: any. */
  readonly version: number | null;
  /** Switch also when the rebuilt rows are not the live ones: the live ones are known to be wrong. */
  readonly acceptDifferences: boolean;
  readonly requestedBy: string;
  readonly requestedAt: Date;
  /** Which process works on it. */
  readonly runner: string | null;
  readonly generation: number | null;
  /** Where the log ended when the work began: what its progress is measured by. */
  readonly target: bigint | null;
  /** Why it does not get on at the moment; it is tried again. */
  readonly problem: string | null;
  readonly report: ReplayReport | null;
}

interface Row {
  readonly id: string;
  readonly projection: string;
  readonly kind: ReplayKind;
  readonly state: ReplayState;
  readonly version: number | null;
  readonly accept_differences: boolean;
  readonly requested_by: string;
  readonly requested_at: Date;
  readonly runner: string | null;
  readonly generation: number | null;
  readonly target: string | null;
  readonly problem: string | null;
  readonly report: ReplayReport | null;
}

const fromRow = ({
  accept_differences: acceptDifferences,
  requested_by: requestedBy,
  requested_at: requestedAt,
  target,
  ...row
}: Row): Replay => ({
  ...row,
  acceptDifferences,
  requestedBy,
  requestedAt,
  target: target === null ? null : BigInt(target),
});

/** Somebody's request for this projection is not finished yet. */
export class ReplayUnderWayError extends Error {
  readonly code = 'replay_under_way';
  constructor(readonly first: Replay) {
    const { kind, projection, requestedBy, requestedAt, runner, state } = first;
    super(
      `A ${kind} of ${projection} is under way: asked for by ${requestedBy} at ${requestedAt.toISOString()}, ` +
        (state === 'requested' ? 'not begun yet' : `run by ${runner}`),
    );
  }
}

/**
 * Asks for a replay, a rollback or a verification; a projector runs it.
 * @throws {ReplayUnderWayError} while another one of this projection is not finished
 */
export const requestReplay = async (
  db: Queryable,
  projection: string,
  options: {
    readonly kind?: ReplayKind;
    readonly version?: number;
    readonly acceptDifferences?: boolean;
    readonly requestedBy?: string;
  } = {},
): Promise<Replay> => {
  const { kind = 'replay', version = null, acceptDifferences = false, requestedBy = 'the projector' } = options;
  // Not by the violation: the caller may be in a transaction that asks for several.
  const { rows } = await db.query<Row>(
    `INSERT INTO models.replays (projection, kind, version, accept_differences, requested_by) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (projection) WHERE state IN ('requested', 'running') DO NOTHING RETURNING *`,
    [projection, kind, version, acceptDifferences, requestedBy],
  );
  if (rows[0]) return fromRow(rows[0]);
  const first = await nextReplay(db, projection);
  if (first) throw new ReplayUnderWayError(first);
  return requestReplay(db, projection, options);
};

export const findReplay = async (db: Queryable, id: string): Promise<Replay | undefined> => {
  const { rows } = await db.query<Row>('SELECT * FROM models.replays WHERE id = $1', [id]);
  return rows[0] && fromRow(rows[0]);
};

/** What is not finished, of all projections. */
export const openReplays = async (db: Queryable): Promise<readonly Replay[]> => {
  const { rows } = await db.query<Row>(
    `SELECT * FROM models.replays WHERE state IN ('requested', 'running') ORDER BY id`,
  );
  return rows.map(fromRow);
};

/** The one of a projection that is not finished. */
export const nextReplay = async (db: Queryable, projection: string): Promise<Replay | undefined> =>
  (await openReplays(db)).find((replay) => replay.projection === projection);

export const noteReplayRunning = async (
  db: Queryable,
  id: string,
  { generation, target, runner }: { readonly generation: number; readonly target: bigint; readonly runner: string },
): Promise<void> => {
  await db.query(
    `UPDATE models.replays SET state = 'running', started_at = coalesce(started_at, now()), generation = $2, target = $3, runner = $4, problem = NULL
     WHERE id = $1`,
    [id, generation, target, runner],
  );
};

/** What keeps these from getting on, or nothing any more. */
export const noteProblem = async (db: Queryable, ids: readonly string[], problem: string): Promise<void> => {
  await db.query('UPDATE models.replays SET problem = $2 WHERE id = ANY($1)', [ids, problem]);
};

export const finishReplay = async (
  db: Queryable,
  id: string,
  state: 'done' | 'failed',
  report: ReplayReport,
): Promise<void> => {
  await db.query(
    'UPDATE models.replays SET state = $2, finished_at = now(), problem = NULL, report = $3 WHERE id = $1',
    [id, state, JSON.stringify(report)],
  );
};
