import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '#libs/platform/clock.js';
import type { Migration } from '#libs/platform/postgres/migrations.js';
import type { Queryable } from '#libs/platform/postgres/pool.js';
import { RowBound } from '#libs/platform/postgres/row-bound.js';
import type { Bound } from '#libs/platform/postgres/row-bound.js';
import { requestAddress } from '#libs/platform/request-address.js';

export const flowMigrations: readonly Migration[] = [
  {
    name: 'identity-providers/flows',
    sql: `
      CREATE TABLE provider.flows (
        state_hash bytea PRIMARY KEY,
        provider_id text NOT NULL,
        issuer text NOT NULL,
        browser_hash bytea NOT NULL,
        nonce text NOT NULL,
        code_verifier text NOT NULL,
        reauthenticate boolean NOT NULL,
        intent jsonb NOT NULL,
        begun_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        consumed_at timestamptz
      );
      CREATE INDEX flows_expiry ON provider.flows (expires_at)`,
  },
  {
    name: 'identity-providers/flows-of-every-kind',
    // Flows live for minutes: who is in one begins again.
    sql: `
      DELETE FROM provider.flows;
      ALTER TABLE provider.flows DROP COLUMN nonce, DROP COLUMN code_verifier, ADD COLUMN kept jsonb NOT NULL`,
  },
  { name: 'identity-providers/flows-address', sql: 'ALTER TABLE provider.flows ADD COLUMN address text' },
];

/**
 * A flow through an external provider, as its one-shot row remembers it. The response names it: its `state`, or what it
 * is `InResponseTo`.
 */
export interface Flow<Kept> {
  readonly providerId: string;
  readonly issuer: string;
  /** What the protocol compares the response with: nonce, PKCE code verifier. */
  readonly kept: Kept;
  readonly reauthenticate: boolean;
  /** Opaque here. */
  readonly intent: unknown;
  readonly begunAt: Date;
}

const LIFETIME_MS = 600_000;
/** Flows that are under way at a time (security row D2). */
const MOST_FLOWS: Bound = { perAddress: 20_000, total: 400_000 };

const hash = (value: string): Buffer => createHash('sha256').update(value).digest();

/** Fresh secrets of a flow: 256 bits each; the verifier is also a valid PKCE code verifier (RFC 7636, section 4.1). */
export const freshSecret = (): string => randomBytes(32).toString('base64url');

interface Row {
  readonly provider_id: string;
  readonly issuer: string;
  readonly kept: unknown;
  readonly reauthenticate: boolean;
  readonly intent: unknown;
  readonly begun_at: Date;
  readonly same_browser: boolean;
  readonly live: boolean;
}

export type ConsumedFlow<Kept> =
  | { readonly kind: 'flow'; readonly flow: Flow<Kept> }
  | { readonly kind: 'refused'; readonly code: 'state_unknown' | 'state_expired' | 'browser_mismatch' };

/**
 * One-shot rows: consumed atomically, once, whatever becomes of the response (security row L13). Only hashes of state
 * and browser are kept.
 */
export class Flows<Kept> {
  readonly #bound: RowBound;

  constructor(
    private readonly db: Queryable,
    private readonly clock: Clock,
    most: Bound = MOST_FLOWS,
  ) {
    this.#bound = new RowBound(db, 'provider.flows', most);
  }

  async insert(name: string, browserId: string, flow: Omit<Flow<Kept>, 'begunAt'>): Promise<void> {
    const now = this.clock();
    await this.db.query(
      `INSERT INTO provider.flows (state_hash, provider_id, issuer, browser_hash, kept, reauthenticate, intent, begun_at, expires_at, address)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
      [
        hash(name),
        flow.providerId,
        flow.issuer,
        hash(browserId),
        JSON.stringify(flow.kept),
        flow.reauthenticate,
        JSON.stringify(flow.intent),
        now,
        new Date(now.getTime() + LIFETIME_MS),
        requestAddress() ?? null,
      ],
    );
    await this.#bound.added();
  }

  /** Whether there is a flow of this name, of whatever browser, be it used up or expired: what costs little to know. */
  async isKnown(name: string): Promise<boolean> {
    const { rowCount } = await this.db.query('SELECT FROM provider.flows WHERE state_hash = $1', [hash(name)]);
    return rowCount === 1;
  }

  /** Takes the flow that a response names. A second response that names it finds nothing, in parallel too. */
  async consume(name: string, browserId: string): Promise<ConsumedFlow<Kept>> {
    const { rows } = await this.db.query<Row>(
      `UPDATE provider.flows SET consumed_at = $2 WHERE state_hash = $1 AND consumed_at IS NULL
       RETURNING *, browser_hash = $3 AS same_browser, expires_at > $2 AS live`,
      [hash(name), this.clock(), hash(browserId)],
    );
    const row = rows[0];
    if (!row) return { kind: 'refused', code: 'state_unknown' };
    if (!row.live) return { kind: 'refused', code: 'state_expired' };
    if (!row.same_browser) return { kind: 'refused', code: 'browser_mismatch' };
    return {
      kind: 'flow',
      flow: {
        providerId: row.provider_id,
        issuer: row.issuer,
        kept: row.kept as Kept,
        reauthenticate: row.reauthenticate,
        intent: row.intent,
        begunAt: row.begun_at,
      },
    };
  }
}

/**
 * Removes rows past their time, of every kind. Consumed ones stay until then, so that a replay is told apart from
 * nothing only in the log.
 */
export const removeExpiredFlows = async (db: Queryable, clock: Clock): Promise<void> => {
  await db.query('DELETE FROM provider.flows WHERE expires_at < $1', [clock()]);
};
