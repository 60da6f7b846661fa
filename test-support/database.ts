import { createHash, randomBytes } from 'node:crypto';
import pg from 'pg';
import { provisionDatabase, ROLES } from '#libs/platform/postgres/provision.js';
import type { Role } from '#libs/platform/postgres/provision.js';

export interface TestDatabase {
  readonly name: string;
  /** The connection URL of each role, as in production: no role sees more than `provision.ts` grants. */
  readonly urls: Readonly<Record<Role, string>>;
  /** The superuser's connection URL of this database. */
  readonly adminUrl: string;
  /** Drops the database, ending what is still connected to it. */
  drop(): Promise<void>;
}

const serverUrl = (): string => {
  const url = process.env.LIGATURE_TEST_POSTGRES_URL;
  if (!url)
    throw new Error(
      'LIGATURE_TEST_POSTGRES_URL is not set: the tests run through Jest, whose global set-up starts a PostgreSQL server.',
    );
  return url;
};

/**
 * Roles are shared by all databases of a server, so every test must give them the same password: one that follows from
 * the superuser's.
 */
const passwordOf = (role: Role): string => createHash('sha256').update(`${role} ${serverUrl()}`).digest('base64url');

/** A fresh, provisioned database for one test (or one file of tests). */
export const createTestDatabase = async (): Promise<TestDatabase> => {
  const name = `test_${randomBytes(6).toString('hex')}`;
  const passwords = Object.fromEntries(ROLES.map((role) => [role, passwordOf(role)])) as Record<Role, string>;
  const urls = await provisionDatabase({ adminUrl: serverUrl(), database: name, passwords });
  const adminUrl = new URL(serverUrl());
  adminUrl.pathname = `/${name}`;
  const drop = async (): Promise<void> => {
    const client = new pg.Client({ connectionString: serverUrl() });
    await client.connect();
    await client.query(`DROP DATABASE IF EXISTS ${pg.escapeIdentifier(name)} WITH (FORCE)`);
    await client.end();
  };
  return { name, urls, adminUrl: adminUrl.href, drop };
};
