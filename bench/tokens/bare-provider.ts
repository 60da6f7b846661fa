import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair } from 'jose';
import { Provider } from 'oidc-provider';
import type { Adapter, AdapterPayload } from 'oidc-provider';
import pg from 'pg';
import { CLIENT, SCOPE } from './seed.js';

/** The least that oidc-provider can be run with on PostgreSQL: one table, one statement per call, prepared. */
class BareAdapter implements Adapter {
  constructor(
    private readonly pool: pg.Pool,
    private readonly model: string,
  ) {}

  async upsert(id: string, payload: AdapterPayload, expiresIn: number): Promise<undefined> {
    await this.pool.query({
      name: 'upsert',
      text: `INSERT INTO bare.artifacts (model, id, payload, grant_id, expires_at) VALUES ($1, $2, $3, $4, now() + make_interval(secs => $5))
             ON CONFLICT (model, id) DO UPDATE SET payload = $3, grant_id = $4, expires_at = now() + make_interval(secs => $5)`,
      values: [this.model, id, JSON.stringify(payload), payload.grantId ?? null, expiresIn],
    });
    return undefined;
  }

  async find(id: string): Promise<AdapterPayload | undefined> {
    const { rows } = await this.pool.query<{ payload: AdapterPayload; consumed_at: Date | null }>({
      name: 'find',
      text: 'SELECT payload, consumed_at FROM bare.artifacts WHERE model = $1 AND id = $2',
      values: [this.model, id],
    });
    const [row] = rows;
    return row && (row.consumed_at ? { ...row.payload, consumed: true } : row.payload);
  }

  async consume(id: string): Promise<undefined> {
    await this.pool.query({
      name: 'consume',
      text: 'UPDATE bare.artifacts SET consumed_at = now() WHERE model = $1 AND id = $2',
      values: [this.model, id],
    });
    return undefined;
  }

  async destroy(id: string): Promise<undefined> {
    await this.pool.query('DELETE FROM bare.artifacts WHERE model = $1 AND id = $2', [this.model, id]);
    return undefined;
  }

  async revokeByGrantId(grantId: string): Promise<undefined> {
    await this.pool.query('DELETE FROM bare.artifacts WHERE model = $1 AND grant_id = $2', [this.model, grantId]);
    return undefined;
  }

  findByUid = (): Promise<undefined> => Promise.resolve(undefined);
  findByUserCode = (): Promise<undefined> => Promise.resolve(undefined);
}

/** The same in memory. */
class MemoryAdapter implements Adapter {
  static readonly rows = new Map<string, AdapterPayload>();
  constructor(private readonly model: string) {}
  #key = (id: string): string => `${this.model} ${id}`;
  upsert = (id: string, payload: AdapterPayload): Promise<undefined> =>
    Promise.resolve(void MemoryAdapter.rows.set(this.#key(id), payload)) as Promise<undefined>;
  find = (id: string): Promise<AdapterPayload | undefined> => Promise.resolve(MemoryAdapter.rows.get(this.#key(id)));
  consume = (id: string): Promise<undefined> => {
    const row = MemoryAdapter.rows.get(this.#key(id));
    if (row) row.consumed = true;
    return Promise.resolve(undefined);
  };
  destroy = (id: string): Promise<undefined> =>
    Promise.resolve(void MemoryAdapter.rows.delete(this.#key(id))) as Promise<undefined>;
  revokeByGrantId = (): Promise<undefined> => Promise.resolve(undefined);
  findByUid = (): Promise<undefined> => Promise.resolve(undefined);
  findByUserCode = (): Promise<undefined> => Promise.resolve(undefined);
}

/*
 * A process of its own: a bare oidc-provider. `DATABASE_URL`: where its table is; none: it keeps everything in memory,
 * and takes what it is to know by messages. Tells its port by a message.
 */
const url = process.env.DATABASE_URL;
const pool = url === undefined ? undefined : new pg.Pool({ connectionString: url, max: 20 });
const { privateKey } = await generateKeyPair('RS256', { extractable: true });
const server = createServer().listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address() as AddressInfo;
const provider = new Provider(`http://localhost:${port}`, {
  adapter: (model) => (pool ? new BareAdapter(pool, model) : new MemoryAdapter(model)),
  clients: [
    {
      client_id: CLIENT.id,
      client_secret: CLIENT.secret,
      redirect_uris: ['https://app.example/callback'],
      grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
      scope: SCOPE,
    },
  ],
  jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig', kid: 'bench' }] },
  cookies: { keys: ['bench'] },
  scopes: SCOPE.split(' '),
  claims: { openid: ['sub'], profile: ['name', 'given_name', 'family_name'], email: ['email', 'email_verified'] },
  conformIdTokenClaims: false,
  rotateRefreshToken: true,
  ttl: { AccessToken: 300, ClientCredentials: 300, IdToken: 3_600, RefreshToken: 86_400, Grant: 86_400 },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    revocation: { enabled: true },
    deviceFlow: { enabled: true },
    dPoP: { enabled: true },
    claimsParameter: { enabled: true },
    pushedAuthorizationRequests: { enabled: true },
    backchannelLogout: { enabled: true },
    resourceIndicators: { enabled: true, defaultResource: () => [] },
  },
  findAccount: (_ctx, accountId) => ({
    accountId,
    claims: () => ({
      sub: accountId,
      name: 'Ada Lovelace',
      given_name: 'Ada',
      family_name: 'Lovelace',
      email: 'ada@example.org',
      email_verified: false,
    }),
  }),
});
const handle = provider.callback();
server.on('request', (request, response) => void handle(request, response));
process.on('message', (rows: { key: string; payload: AdapterPayload }[]) => {
  for (const { key, payload } of rows) MemoryAdapter.rows.set(key, payload);
  process.send?.('known');
});
process.send?.({ port });
