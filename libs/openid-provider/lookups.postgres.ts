import { Provider } from 'oidc-provider';
import type { AdapterPayload } from 'oidc-provider';
import type { Pool } from '#libs/platform/postgres/pool.js';

/** A row of `provider.artifacts`, as far as oidc-provider wants it back. */
export interface Stored {
  readonly payload: AdapterPayload;
  readonly consumed_at: Date | null;
}

interface Row extends Stored {
  readonly model: string;
  /** Of the grant that it hangs on, while that is neither revoked nor over. */
  readonly granted: AdapterPayload | null;
}

/** What a value may be that a client presents without saying what it is. */
const TOKENS: readonly string[] = ['AccessToken', 'ClientCredentials', 'RefreshToken'];
/** The routes of oidc-provider at which clients do so: there it looks for every kind. */
const ROUTES_OF_ANY_TOKEN: ReadonlySet<string> = new Set(['introspection', 'revocation']);

const lookups = new WeakMap<object, Lookups>();

/**
 * What one request looks up. oidc-provider asks for the same value once for each kind of token, and then for the token's grant; one statement
 * answers all of it, as of one moment. Nothing is remembered beyond the request, and a grant is handed out once, because its model is changed in
 * place.
 */
export class Lookups {
  readonly #tokens = new Map<string, Promise<readonly Row[]>>();
  readonly #grants = new Map<string, AdapterPayload>();

  /** Those of the request under way; outside of one nothing is remembered at all. */
  static current(): Lookups {
    const ctx = Provider.ctx;
    const known = (ctx && lookups.get(ctx)) ?? new Lookups();
    if (ctx) lookups.set(ctx, known);
    return known;
  }

  async find(pool: Pool, now: Date, model: string, id: string): Promise<Stored | undefined> {
    const ofAnyKind = TOKENS.includes(model) && ROUTES_OF_ANY_TOKEN.has(Provider.ctx?.oidc.route ?? '');
    const rows = await (ofAnyKind ? this.#anyToken(pool, now, id) : query(pool, now, [model], id));
    const row = rows.find((each) => each.model === model);
    if (row?.granted && row.payload.grantId) this.#grants.set(row.payload.grantId, row.granted);
    return row;
  }

  /** The grant that was read with its token; nothing when there was none, and then it has to be looked up. */
  takeGrant(id: string): AdapterPayload | undefined {
    const payload = this.#grants.get(id);
    this.#grants.delete(id);
    return payload;
  }

  #anyToken(pool: Pool, now: Date, id: string): Promise<readonly Row[]> {
    const rows = this.#tokens.get(id) ?? query(pool, now, TOKENS, id);
    this.#tokens.set(id, rows);
    return rows;
  }
}

const query = async (pool: Pool, now: Date, models: readonly string[], id: string): Promise<readonly Row[]> => {
  const { rows } = await pool.query<Row>({
    name: 'find artifacts',
    text: `SELECT a.model, a.payload, a.consumed_at, g.payload AS granted
           FROM provider.artifacts a LEFT JOIN provider.grants g ON g.id = a.grant_id AND g.revoked_at IS NULL AND g.expires_at > $3
           WHERE a.model = ANY ($1) AND a.id = $2 AND (a.expires_at IS NULL OR a.expires_at > $3)`,
    values: [models, id, now],
  });
  return rows;
};
