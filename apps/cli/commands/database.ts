import { randomBytes } from 'node:crypto';
import { Command } from 'commander';
import { z } from 'zod';
import { prepareDatabase } from '#libs/installation/prepare-database.js';
import { postgresUrl, readConfiguration } from '#libs/platform/configuration.js';
import { print } from '../output.js';

const password = z.string().min(16, 'must have at least 16 characters');

/** `ligature database provision` */
export const databaseCommand = (): Command => {
  const database = new Command('database').description('prepare PostgreSQL for Ligature');
  database
    .command('provision')
    .description(
      'create the database, its schemas and one role per process; safe to run again, also to change passwords',
    )
    .option('--name <name>', 'the database', 'ligature')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Environment:
  ADMIN_DATABASE_URL                URL of a superuser
  LIGATURE_IDENTITY_PASSWORD        password of the role ligature_identity
  LIGATURE_PROJECTOR_PASSWORD       password of the role ligature_projector
  LIGATURE_PROCESS_MANAGER_PASSWORD password of the role ligature_process_manager
  LIGATURE_CLI_PASSWORD             password of the role ligature_cli
  LIGATURE_EVENT_STORE_PASSWORD     password of the role ligature_event_store; only for the event store of this project

Example:
  $ ADMIN_DATABASE_URL=postgresql://postgres:…@db.example.org/postgres ligature database provision`,
    )
    .action(async ({ name, json }: { name: string; json?: boolean }) => {
      const config = readConfiguration({
        ADMIN_DATABASE_URL: postgresUrl,
        // Where the store is a real EventStoreDB, nobody logs in as this role: a password that nobody knows will do.
        LIGATURE_EVENT_STORE_PASSWORD: password.default(() => randomBytes(32).toString('base64url')),
        LIGATURE_IDENTITY_PASSWORD: password,
        LIGATURE_PROJECTOR_PASSWORD: password,
        LIGATURE_PROCESS_MANAGER_PASSWORD: password,
        LIGATURE_CLI_PASSWORD: password,
      });
      const urls = await prepareDatabase({
        adminUrl: config.ADMIN_DATABASE_URL,
        database: name,
        passwords: {
          ligature_event_store: config.LIGATURE_EVENT_STORE_PASSWORD,
          ligature_identity: config.LIGATURE_IDENTITY_PASSWORD,
          ligature_projector: config.LIGATURE_PROJECTOR_PASSWORD,
          ligature_process_manager: config.LIGATURE_PROCESS_MANAGER_PASSWORD,
          ligature_cli: config.LIGATURE_CLI_PASSWORD,
        },
      });
      const roles = Object.keys(urls);
      print(json, { database: name, roles }, [`The database "${name}" is ready for the roles ${roles.join(', ')}.`]);
    });
  return database;
};
