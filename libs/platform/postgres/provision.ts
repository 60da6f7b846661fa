import pg from 'pg';

/**
 * Who owns what in PostgreSQL: one schema per concern, one login role per process, and no role that a process does not
 * need.
 *
 * | schema     | owner (migrates, writes)  | others                                                        |
 * |------------|---------------------------|---------------------------------------------------------------|
 * | `log`      | `ligature_event_store`    | nobody                                                        |
 * | `keys`     | `ligature_identity`       | `ligature_projector` reads; `ligature_cli` reads and adds; `ligature_process_manager` reads, adds and destroys |
 * | `provider` | `ligature_identity`       | `ligature_process_manager` reads and writes                   |
 * | `models`   | `ligature_projector`      | `ligature_identity` reads; `ligature_cli` reads and requests  |
 */
export const ROLES = [
  'ligature_event_store',
  'ligature_identity',
  'ligature_projector',
  'ligature_process_manager',
  'ligature_cli',
] as const;
export type Role = (typeof ROLES)[number];

const SCHEMA_OWNERS: Readonly<Record<string, Role>> = {
  log: 'ligature_event_store',
  keys: 'ligature_identity',
  provider: 'ligature_identity',
  models: 'ligature_projector',
};

/** On all tables of a schema, those to come included. */
const TABLE_GRANTS: readonly (readonly [schema: string, role: Role, privileges: string])[] = [
  ['keys', 'ligature_projector', 'SELECT'],
  // It ends sessions and destroys the keys of erased people, also when the command that should have done so died.
  ['keys', 'ligature_process_manager', 'SELECT, INSERT, UPDATE'],
  ['provider', 'ligature_process_manager', 'SELECT, INSERT, UPDATE, DELETE'],
  // What an operator declares has secrets, and these a key of their own.
  ['keys', 'ligature_cli', 'SELECT, INSERT'],
  ['models', 'ligature_identity', 'SELECT'],
  ['models', 'ligature_cli', 'SELECT'],
];

export interface Provisioning {
  /** A superuser's connection URL (any database of the server). */
  readonly adminUrl: string;
  /** The database to create, when it is missing. */
  readonly database: string;
  /** One password per role; a role that exists gets the password given. */
  readonly passwords: Readonly<Record<Role, string>>;
}

const withClient = async (url: string, work: (client: pg.Client) => Promise<void>): Promise<void> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
};

const databaseUrl = (adminUrl: string, database: string): string => {
  const url = new URL(adminUrl);
  url.pathname = `/${database}`;
  return url.href;
};

/**
 * Creates roles, the database, its schemas and the grants above. Idempotent; safe to run at every start.
 * @returns the connection URL of each role
 */
export const provisionDatabase = async ({
  adminUrl,
  database,
  passwords,
}: Provisioning): Promise<Readonly<Record<Role, string>>> => {
  await withClient(adminUrl, async (client) => {
    await client.query(`SELECT pg_advisory_lock(hashtext('ligature provisioning'))`);
    for (const role of ROLES) {
      const { rowCount } = await client.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [role]);
      const verb = rowCount ? 'ALTER' : 'CREATE';
      await client.query(`${verb} ROLE ${role} LOGIN PASSWORD ${pg.escapeLiteral(passwords[role])}`);
    }
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [database]);
    if (!rowCount) await client.query(`CREATE DATABASE ${pg.escapeIdentifier(database)}`);
  });
  await withClient(databaseUrl(adminUrl, database), async (client) => {
    await client.query(`REVOKE ALL ON DATABASE ${pg.escapeIdentifier(database)} FROM PUBLIC`);
    await client.query(`GRANT CONNECT ON DATABASE ${pg.escapeIdentifier(database)} TO ${ROLES.join(', ')}`);
    await client.query('REVOKE ALL ON SCHEMA public FROM PUBLIC');
    for (const [schema, owner] of Object.entries(SCHEMA_OWNERS))
      await client.query(`CREATE SCHEMA IF NOT EXISTS ${schema} AUTHORIZATION ${owner}`);
    // The projector builds each generation of a read model in a schema of its own.
    await client.query(`GRANT CREATE ON DATABASE ${pg.escapeIdentifier(database)} TO ligature_projector`);
    for (const [schema, role, privileges] of TABLE_GRANTS) {
      await client.query(`GRANT USAGE ON SCHEMA ${schema} TO ${role}`);
      await client.query(`GRANT ${privileges} ON ALL TABLES IN SCHEMA ${schema} TO ${role}`);
      await client.query(
        `ALTER DEFAULT PRIVILEGES FOR ROLE ${SCHEMA_OWNERS[schema]} IN SCHEMA ${schema} GRANT ${privileges} ON TABLES TO ${role}`,
      );
    }
  });
  const urlOf = (role: Role): string => {
    const url = new URL(databaseUrl(adminUrl, database));
    url.username = role;
    url.password = passwords[role];
    return url.href;
  };
  return Object.fromEntries(ROLES.map((role) => [role, urlOf(role)])) as Record<Role, string>;
};
