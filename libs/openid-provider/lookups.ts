import { Provider } from 'oidc-provider';
import type { AdapterPayload } from 'oidc-provider';
import type { Artifacts, StoredArtifact } from './artifacts.postgres.js';

/** What a value may be that a client presents without saying what it is. */
const TOKENS: readonly string[] = ['AccessToken', 'ClientCredentials', 'RefreshToken'];
/** The routes of oidc-provider at which clients do so: there it looks for every kind. */
const ROUTES_OF_ANY_TOKEN: ReadonlySet<string> = new Set(['introspection', 'revocation']);

const lookups = new WeakMap<object, Lookups>();

/**
 * What one request looks up. oidc-provider asks for the same value once for each kind of token, and then for the
 * token's grant; one statement answers all of it, as of one moment. Nothing is remembered beyond the request, and a
 * grant is handed out once, because its model is changed in place.
 */
export class Lookups {
  readonly #tokens = new Map<string, Promise<readonly StoredArtifact[]>>();
  readonly #grants = new Map<string, AdapterPayload>();

  /** Those of the request under way; outside of one nothing is remembered at all. */
  static current(): Lookups {
    const ctx = Provider.ctx;
    const known = (ctx && lookups.get(ctx)) ?? new Lookups();
    if (ctx) lookups.set(ctx, known);
    return known;
  }

  async find(artifacts: Artifacts, model: string, id: string): Promise<StoredArtifact | undefined> {
    const ofAnyKind = TOKENS.includes(model) && ROUTES_OF_ANY_TOKEN.has(Provider.ctx?.oidc.route ?? '');
    const rows = await (ofAnyKind ? this.#anyToken(artifacts, id) : artifacts.find({ models: [model], id }));
    return this.keepGrant(rows.find((each) => each.model === model));
  }

  /** Keeps the grant that was read with a token for whoever asks for it next. */
  keepGrant(row: StoredArtifact | undefined): StoredArtifact | undefined {
    if (row?.granted && row.payload.grantId) this.#grants.set(row.payload.grantId, row.granted);
    return row;
  }

  /** The grant that was read with its token; nothing when there was none, and then it has to be looked up. */
  takeGrant(id: string): AdapterPayload | undefined {
    const payload = this.#grants.get(id);
    this.#grants.delete(id);
    return payload;
  }

  #anyToken(artifacts: Artifacts, id: string): Promise<readonly StoredArtifact[]> {
    const rows = this.#tokens.get(id) ?? artifacts.find({ models: TOKENS, id });
    this.#tokens.set(id, rows);
    return rows;
  }
}
