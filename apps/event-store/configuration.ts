import { readFileSync } from 'node:fs';
import type { Accounts } from './grpc/authentication.js';
import type { TlsOptions } from './grpc/server.js';

/** How the node is run; from the environment alone. */
export interface Configuration {
  readonly databaseUrl: string;
  readonly host: string;
  readonly port: number;
  readonly managementPort: number;
  readonly tls: TlsOptions | undefined;
  readonly accounts: Accounts;
}

/** All that is wrong with the configuration, a sentence each. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  constructor(readonly mistakes: readonly string[]) {
    super(mistakes.join('\n'));
  }
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1)$/;

/**
 * Reads and checks the environment:
 *
 * | variable                        | meaning                                                                    |
 * |---------------------------------|----------------------------------------------------------------------------|
 * | `DATABASE_URL`                  | PostgreSQL, as role `ligature_event_store`; required                        |
 * | `EVENT_STORE_HOST`, `…_PORT`    | where to listen; `127.0.0.1`, 2113. Other than loopback needs TLS and users |
 * | `EVENT_STORE_MANAGEMENT_PORT`   | health and metrics, on loopback; 9002                                       |
 * | `EVENT_STORE_TLS_CERT`, `…_KEY` | files in PEM                                                               |
 * | `EVENT_STORE_USERS`             | `name:password`, separated by commas: may do everything; needs TLS         |
 * | `EVENT_STORE_APPENDERS`         | the same, of accounts that may append and read only                        |
 *
 * @throws ConfigurationError naming every mistake at once
 */
export const readConfiguration = (env: NodeJS.ProcessEnv): Configuration => {
  const mistakes: string[] = [];
  const port = (name: string, fallback: number): number => {
    const value = env[name] ?? String(fallback);
    if (/^\d{1,5}$/.test(value) && Number(value) <= 65_535) return Number(value);
    mistakes.push(`${name} must be a port number, 0 to 65535, not "${value}".`);
    return fallback;
  };
  const file = (name: string): Buffer | undefined => {
    const path = env[name];
    if (!path) return undefined;
    try {
      return readFileSync(path);
    } catch (error) {
      mistakes.push(`${name}: ${(error as Error).message}.`);
      return undefined;
    }
  };
  const databaseUrl = env.DATABASE_URL ?? '';
  if (!/^postgres(ql)?:\/\//.test(databaseUrl) || !URL.canParse(databaseUrl)) {
    mistakes.push('DATABASE_URL must be a postgresql:// URL with role ligature_event_store.');
  }
  const host = env.EVENT_STORE_HOST ?? '127.0.0.1';
  const certificate = file('EVENT_STORE_TLS_CERT');
  const key = file('EVENT_STORE_TLS_KEY');
  const wantsTls = Boolean(env.EVENT_STORE_TLS_CERT ?? env.EVENT_STORE_TLS_KEY);
  if (wantsTls && !(env.EVENT_STORE_TLS_CERT && env.EVENT_STORE_TLS_KEY)) {
    mistakes.push('EVENT_STORE_TLS_CERT and EVENT_STORE_TLS_KEY go together.');
  }
  const accountsIn = (variable: string): ReadonlyMap<string, string> => {
    const accounts = new Map<string, string>();
    for (const entry of (env[variable] ?? '').split(',').filter(Boolean)) {
      const [, name, password] = /^([^:]+):(.+)$/.exec(entry) ?? [];
      if (name !== undefined && password !== undefined) accounts.set(name, password);
      else mistakes.push(`${variable} must be name:password, separated by commas.`);
    }
    if (accounts.size > 0 && !wantsTls)
      mistakes.push(`${variable} needs TLS: the client sends no credentials without it.`);
    return accounts;
  };
  const accounts = {
    administrators: accountsIn('EVENT_STORE_USERS'),
    appenders: accountsIn('EVENT_STORE_APPENDERS'),
  };
  const asksForPasswords = accounts.administrators.size + accounts.appenders.size > 0;
  if (!LOOPBACK.test(host) && !(wantsTls && asksForPasswords)) {
    mistakes.push(
      `EVENT_STORE_HOST=${host} lets others in: set EVENT_STORE_TLS_CERT, EVENT_STORE_TLS_KEY and EVENT_STORE_USERS as well.`,
    );
  }
  const configuration = {
    databaseUrl,
    host,
    port: port('EVENT_STORE_PORT', 2113),
    managementPort: port('EVENT_STORE_MANAGEMENT_PORT', 9002),
    tls: certificate !== undefined && key !== undefined ? { certificate, key } : undefined,
    accounts,
  };
  if (mistakes.length > 0) throw new ConfigurationError(mistakes);
  return configuration;
};
