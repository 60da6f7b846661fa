import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '#libs/platform/clock.js';
import type { Migration } from '#libs/platform/postgres/migrations.js';
import type { Queryable } from '#libs/platform/postgres/pool.js';

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
];

/** A flow through an external provider, as its one-shot row remembers it. The response's state names it. */
export interface Flow {
  readonly providerId: string;
  readonly issuer: string;
  readonly nonce: string;
  readonly codeVerifier: string;
  readonly reauthenticate: boolean;
  /** Opaque here. */
  readonly intent: unknown;
  readonly begunAt: Date;
}

const LIFETIME_MS = 600_000;

const hash = (value: string): Buffer => createHash('sha256').update(value).digest();

/** Fresh secrets of a flow: 256 bits each; the verifier is also a valid PKCE code verifier (RFC 7636, section 4.1). */
export const freshSecret = (): string => randomBytes(32).toString('base64url');

interface Row {
  readonly provider_id: string;
  readonly issuer: string;
  readonly nonce: string;
  readonly code_verifier: string;
  readonly reauthenticate: boolean;
  readonly intent: unknown;
  readonly begun_at: Date;
  readonly same_browser: boolean;
  readonly live: boolean;
}

export type ConsumedFlow =
  | { readonly kind: 'flow'; readonly flow: Flow }
  | { readonly kind: 'refused'; readonly code: 'state_unknown' | 'state_expired' | 'browser_mismatch' };

/** One-shot rows: consumed atomically, once, whatever becomes of the response (security row L13). Only hashes of state and browser are kept. */
export class Flows {
  constructor(
    private readonly db: Queryable,
    private readonly clock: Clock,
  ) {}

  async insert(state: string, browserId: string, flow: Omit<Flow, 'begunAt'>): Promise<void> {
    const now = this.clock();
    await this.db.query(
      `INSERT INTO provider.flows (state_hash, provider_id, issuer, browser_hash, nonce, code_verifier, reauthenticate, intent, begun_at, expires_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
      [
        hash(state),
        flow.providerId,
        flow.issuer,
        hash(browserId),
        flow.nonce,
        flow.codeVerifier,
        flow.reauthenticate,
        JSON.stringify(flow.intent),
        now,
        new Date(now.getTime() + LIFETIME_MS),
      ],
    );
  }

  /** Takes the flow that a state names. A second response with the same state finds nothing, in parallel too. */
  async consume(state: string, browserId: string): Promise<ConsumedFlow> {
    const { rows } = await this.db.query<Row>(
      `UPDATE provider.flows SET consumed_at = $2 WHERE state_hash = $1 AND consumed_at IS NULL
       RETURNING *, browser_hash = $3 AS same_browser, expires_at > $2 AS live`,
      [hash(state), this.clock(), hash(browserId)],
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
        nonce: row.nonce,
        codeVerifier: row.code_verifier,
        reauthenticate: row.reauthenticate,
        intent: row.intent,
        begunAt: row.begun_at,
      },
    };
  }

  /** Removes rows past their time. Consumed ones stay until then, so that a replay is told apart from nothing only in the log. */
  async removeExpired(): Promise<number> {
    return (await this.db.query('DELETE FROM provider.flows WHERE expires_at < $1', [this.clock()])).rowCount ?? 0;
  }
}
