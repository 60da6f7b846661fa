import type { AdapterPayload } from 'oidc-provider';
import { askTogether } from '#libs/platform/ask-together.js';
import type { Clock } from '#libs/platform/clock.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { isRefusedStatement } from '#libs/platform/postgres/refused.js';

/** A row of `provider.artifacts`, as far as oidc-provider wants it back. */
export interface StoredArtifact {
  readonly model: string;
  readonly payload: AdapterPayload;
  readonly consumed_at: Date | null;
  /** Of the grant that it hangs on, while that is neither revoked nor over. */
  readonly granted: AdapterPayload | null;
}

/** What hangs on no grant. */
export interface FreeArtifact {
  readonly model: string;
  readonly id: string;
  readonly payload: AdapterPayload;
  readonly userCode: string | null;
  readonly uid: string | null;
  readonly expiresAt: Date | null;
  /** The network of the request that made it, where strangers may. */
  readonly address?: string | undefined;
}

interface Wanted {
  readonly models: readonly string[];
  readonly id: string;
}

const FIND = `
  SELECT wanted.n, a.model, a.payload, a.consumed_at, g.payload AS granted
  FROM unnest($1::int[], $2::text[], $3::text[]) AS wanted (n, model, id)
  JOIN provider.artifacts a ON a.model = wanted.model AND a.id = wanted.id AND (a.expires_at IS NULL OR a.expires_at > $4)
  LEFT JOIN provider.grants g ON g.id = a.grant_id AND g.revoked_at IS NULL AND g.expires_at > $4`;

const STORE = `
  INSERT INTO provider.artifacts (model, id, payload, user_code, uid, expires_at, address)
  SELECT model, id, payload, "userCode", uid, "expiresAt", address
  FROM jsonb_to_recordset($1::jsonb) AS artifact (model text, id text, payload jsonb, "userCode" text, uid text, "expiresAt" timestamptz, address text)
  ON CONFLICT (model, id) DO UPDATE SET payload = excluded.payload, user_code = excluded.user_code, uid = excluded.uid, expires_at = excluded.expires_at`;

/**
 * The rows that every request at the endpoints asks for, and those that wait for nobody's revocation: requests that run
 * beside each other share statements.
 */
export class Artifacts {
  /** Those of an id, of several models; none that has expired. */
  readonly find: (wanted: Wanted) => Promise<readonly StoredArtifact[]>;
  /** Stores what hangs on no grant, or replaces it. */
  readonly store: (artifact: FreeArtifact) => Promise<void>;

  constructor(
    private readonly pool: Pool,
    private readonly clock: Clock,
  ) {
    this.find = askTogether((wanted) => this.#find(wanted), isRefusedStatement);
    this.store = askTogether((artifacts) => this.#store(artifacts), isRefusedStatement);
  }

  async #find(wanted: readonly Wanted[]): Promise<readonly StoredArtifact[][]> {
    const each = wanted.flatMap(({ models, id }, n) => models.map((model) => ({ n, model, id })));
    const { rows } = await this.pool.query<StoredArtifact & { n: number }>({
      name: 'find artifacts',
      text: FIND,
      values: [each.map(({ n }) => n), each.map(({ model }) => model), each.map(({ id }) => id), this.clock()],
    });
    const found = wanted.map((): StoredArtifact[] => []);
    for (const row of rows) found[row.n]?.push(row);
    return found;
  }

  async #store(artifacts: readonly FreeArtifact[]): Promise<undefined[]> {
    await this.pool.query({ name: 'store artifacts', text: STORE, values: [JSON.stringify(artifacts)] });
    return artifacts.map(() => undefined);
  }
}
