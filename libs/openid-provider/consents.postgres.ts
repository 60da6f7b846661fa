import type { Clock } from '#libs/platform/clock.js';
import type { Pool } from '#libs/platform/postgres/pool.js';

/** What a person agreed that an app gets. */
export interface Consent {
  readonly scopes: readonly string[];
  /** Scopes by resource server (RFC 8707). */
  readonly resources: Readonly<Record<string, readonly string[]>>;
}

/** What people agreed to; a row follows its event, never the other way round. */
export class Consents {
  constructor(
    private readonly pool: Pool,
    private readonly clock: Clock,
  ) {}

  async find(userId: string, clientId: string): Promise<Consent | undefined> {
    const { rows } = await this.pool.query<Consent>(
      'SELECT scopes, resources FROM provider.consents WHERE user_id = $1 AND client_id = $2',
      [userId, clientId],
    );
    return rows[0];
  }

  /** Adds to what was agreed before. */
  async add(userId: string, clientId: string, consent: Consent): Promise<void> {
    const before = await this.find(userId, clientId);
    const resources = { ...before?.resources };
    for (const [resource, scopes] of Object.entries(consent.resources))
      resources[resource] = union(resources[resource], scopes);
    await this.pool.query(
      `INSERT INTO provider.consents (user_id, client_id, scopes, resources, granted_at) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (user_id, client_id) DO UPDATE SET scopes = $3, resources = $4, granted_at = $5`,
      [userId, clientId, union(before?.scopes, consent.scopes), JSON.stringify(resources), this.clock()],
    );
  }

  async remove(userId: string, clientId: string): Promise<void> {
    await this.pool.query('DELETE FROM provider.consents WHERE user_id = $1 AND client_id = $2', [userId, clientId]);
  }
}

const union = (before: readonly string[] = [], added: readonly string[]): string[] => [
  ...new Set([...before, ...added]),
];
