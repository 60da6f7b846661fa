import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Every secret of an embedded installation, made on the first start. */
const NAMES = [
  'LIGATURE_MASTER_KEY',
  'LIGATURE_INDEX_SECRET',
  'LIGATURE_COOKIE_SECRET',
  'DEMO_ACME_CLIENT_SECRET',
  'DEMO_GLOBEX_CLIENT_SECRET',
  'DEMO_APP_CLIENT_SECRET',
  'DEMO_AUDITOR_CLIENT_SECRET',
  'PASSWORD_ligature_event_store',
  'PASSWORD_ligature_identity',
  'PASSWORD_ligature_projector',
  'PASSWORD_ligature_process_manager',
  'PASSWORD_ligature_cli',
  'PASSWORD_event_store',
  'OUTBOX_TOKEN',
] as const;

type Name = (typeof NAMES)[number];
export type Secrets = Readonly<Record<Name, string>>;

/**
 * 32 random bytes. Keys are in base64; secrets that people put into URLs and Basic authentication (RFC 6749, section
 * 2.3.1, would have them form-encoded) in its URL-safe form, which survives either.
 */
const newSecret = (name: Name): string =>
  randomBytes(32).toString(name.startsWith('LIGATURE_') ? 'base64' : 'base64url');

/** Writes a file that only we may read, whole or not at all. */
export const writePrivately = (file: string, content: string): void => {
  const incomplete = `${file}.incomplete`;
  writeFileSync(incomplete, content, { mode: 0o600 });
  renameSync(incomplete, file);
};

/**
 * Reads `secrets.json` of the data directory, and makes what is missing in it. Losing the file makes the data
 * unreadable: names in the event log and the people's keys depend on it.
 */
export const readOrMakeSecrets = (dataDirectory: string): Secrets => {
  const file = join(dataDirectory, 'secrets.json');
  const known = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Partial<Secrets>) : {};
  const secrets = Object.fromEntries(NAMES.map((name) => [name, known[name] ?? newSecret(name)])) as Secrets;
  if (NAMES.some((name) => known[name] === undefined)) writePrivately(file, `${JSON.stringify(secrets, null, 2)}\n`);
  return secrets;
};
