import type { Queryable } from '#libs/platform/postgres/pool.js';
import type { TableChecksum } from './generations.postgres.js';

export type ReplayState = 'requested' | 'running' | 'done' | 'failed';

/** What a replay found, told to the operator. */
export interface ReplayReport {
  readonly before: readonly TableChecksum[];
  readonly after: readonly TableChecksum[];
  /** Whether the rows are the same; `null` when the projection's version changed, so that they need not be. */
  readonly identical: boolean | null;
  readonly message: string;
}

export interface Replay {
  readonly id: string;
  readonly projection: string;
  readonly state: ReplayState;
  readonly generation: number | null;
  /** Position that has to be reached before the switch. */
  readonly target: bigint | null;
  readonly report: ReplayReport | null;
}

interface Row {
  readonly id: string;
  readonly projection: string;
  readonly state: ReplayState;
  readonly generation: number | null;
  readonly target: string | null;
  readonly report: ReplayReport | null;
}

const fromRow = (row: Row): Replay => ({ ...row, target: row.target === null ? null : BigInt(row.target) });

/** The operator's side: asks for a replay; the projector runs it. */
export const requestReplay = async (db: Queryable, projection: string): Promise<Replay> => {
  const { rows } = await db.query<Row>('INSERT INTO models.replays (projection) VALUES ($1) RETURNING *', [projection]);
  return fromRow(rows[0] as Row);
};

export const findReplay = async (db: Queryable, id: string): Promise<Replay | undefined> => {
  const { rows } = await db.query<Row>('SELECT * FROM models.replays WHERE id = $1', [id]);
  return rows[0] && fromRow(rows[0]);
};

/** The projector's side: the oldest replay that is not finished; one that was interrupted comes first. */
export const nextReplay = async (db: Queryable, projection: string): Promise<Replay | undefined> => {
  const { rows } = await db.query<Row>(
    `SELECT * FROM models.replays WHERE projection = $1 AND state IN ('requested', 'running') ORDER BY id LIMIT 1`,
    [projection],
  );
  return rows[0] && fromRow(rows[0]);
};

export const noteReplayRunning = async (db: Queryable, id: string, generation: number, target: bigint): Promise<void> => {
  await db.query(
    `UPDATE models.replays SET state = 'running', started_at = coalesce(started_at, now()), generation = $2, target = $3 WHERE id = $1`,
    [id, generation, target],
  );
};

export const finishReplay = async (db: Queryable, id: string, state: 'done' | 'failed', report: ReplayReport): Promise<void> => {
  await db.query('UPDATE models.replays SET state = $2, finished_at = now(), report = $3 WHERE id = $1', [
    id,
    state,
    JSON.stringify(report),
  ]);
};
