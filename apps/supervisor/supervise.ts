import { chmodSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { EmbeddedPostgresError } from '#libs/embedded-postgres/embedded-postgres-error.js';
import { startEmbeddedPostgres } from '#libs/embedded-postgres/embedded-postgres.js';
import type { EmbeddedPostgres } from '#libs/embedded-postgres/embedded-postgres.js';
import { ConfigurationError } from '#libs/platform/configuration.js';
import { prepareDatabase } from '#libs/installation/prepare-database.js';
import { acquireInstanceLock, AlreadyRunningError } from './instance-lock.js';
import { checkPorts, PortsTakenError } from './ports.js';
import { renderLogLine } from './log-line.js';
import type { ProcessDefinition } from './process-definition.js';
import { cliEnvironment } from './processes.js';
import type { Context } from './processes.js';
import { readOrMakeSecrets, writePrivately } from './secrets.js';
import type { Secrets } from './secrets.js';
import { readSettings } from './settings.js';
import type { Settings } from './settings.js';
import { readOrMakeStoreCertificate } from './store-certificate.js';
import { ProcessFailure, SupervisedProcess } from './supervised-process.js';

export interface Plan {
  /** The checkout. */
  readonly root: string;
  readonly environment: NodeJS.ProcessEnv;
  /** The tree, in the order of starting. */
  readonly processes: (context: Context) => readonly ProcessDefinition[];
  /** Prints a line of output. */
  readonly print: (line: string) => void;
}

const DATABASE = 'ligature';
/** Children of a killed supervisor end by themselves within 5 s. */
const PATIENCE_MS = 8_000;
/** npm passes on the Ctrl-C that the terminal has sent us already: what follows at once is no second request. */
const SECOND_SIGNAL_AFTER_MS = 1_000;

/** Thrown inside the start sequence when somebody asked us to stop meanwhile. */
class StopRequested extends Error {}

/** Failures that their message explains; of others, the stack is shown. */
const isExplained = (error: unknown): boolean =>
  [ProcessFailure, PortsTakenError, AlreadyRunningError, EmbeddedPostgresError, ConfigurationError].some(
    (kind) => error instanceof kind,
  );

const sentenceOf = (error: unknown): string =>
  isExplained(error)
    ? (error as Error).message
    : `Ligature could not start: ${(error as Error).stack ?? String(error)}`;

const indent = (text: string): string => text.replace(/^/gm, '    ');

class Tree {
  readonly #started: SupervisedProcess[] = [];
  #postgres: EmbeddedPostgres | undefined;

  constructor(
    private readonly plan: Plan,
    private readonly settings: Settings,
    private readonly signal: AbortSignal,
    private readonly onDeath: (failure: Error) => void,
  ) {}

  async start(): Promise<Secrets> {
    const { root } = this.plan;
    const { dataDirectory } = this.settings;
    const adminUrl = await this.#startPostgres();
    const secrets = readOrMakeSecrets(dataDirectory);
    const passwords = {
      ligature_event_store: secrets.PASSWORD_ligature_event_store,
      ligature_identity: secrets.PASSWORD_ligature_identity,
      ligature_projector: secrets.PASSWORD_ligature_projector,
      ligature_process_manager: secrets.PASSWORD_ligature_process_manager,
      ligature_cli: secrets.PASSWORD_ligature_cli,
    };
    const databaseUrls = await prepareDatabase({ adminUrl, database: DATABASE, passwords });
    const storeCertificate = await readOrMakeStoreCertificate(dataDirectory);
    const context: Context = { root, settings: this.settings, secrets, storeCertificate, databaseUrls };
    const lines = Object.entries(cliEnvironment(context)).map(([name, value]) => `${name}=${value}\n`);
    writePrivately(join(dataDirectory, 'ligature.env'), lines.join(''));
    for (const definition of this.plan.processes(context)) await this.#startProcess(definition);
    return secrets;
  }

  async #startPostgres(): Promise<string> {
    const { dataDirectory, postgresPort } = this.settings;
    const print = this.#printer('postgres');
    const logger = pino({ base: null }, { write: (line) => print(renderLogLine(line.trimEnd())) });
    try {
      const postgres = await startEmbeddedPostgres({
        dataDirectory: join(dataDirectory, 'postgres'),
        port: postgresPort,
        logger,
      });
      this.#postgres = postgres;
      const failure = (): ProcessFailure =>
        new ProcessFailure(`PostgreSQL ended. The last it said:\n${indent(postgres.lastLogLines())}`);
      void postgres.ended.then(() => this.onDeath(failure()));
      return postgres.adminUrl;
    } catch (error) {
      if (error instanceof EmbeddedPostgresError && error.code === 'port_taken')
        throw new PortsTakenError(`${error.message} Stop it, or choose another port: POSTGRES_PORT=<port> npm start`);
      throw error;
    }
  }

  async #startProcess(definition: ProcessDefinition): Promise<void> {
    if (this.signal.aborted) throw new StopRequested();
    const child = new SupervisedProcess(definition, { cwd: this.plan.root, print: this.#printer(definition.name) });
    this.#started.push(child);
    await child.settled(this.signal);
    if (definition.kind === 'service') void child.ended.then((how) => this.onDeath(child.failure(`ended with ${how}`)));
  }

  #printer(name: string): (line: string) => void {
    return (line) => this.plan.print(`${name.padEnd(11)} | ${line}`);
  }

  /** In the reverse order of starting, PostgreSQL last. */
  async stop(): Promise<void> {
    for (const child of this.#started.toReversed()) await child.stop();
    await this.#postgres?.stop();
  }

  async stopAtOnce(): Promise<void> {
    for (const child of this.#started) child.kill();
    await this.#postgres?.stop('immediate');
  }
}

const welcome = ({ issuer, ports }: Settings, { OUTBOX_TOKEN }: Secrets): readonly string[] => [
  '',
  `Open the demo app and sign in:   http://127.0.0.1:${ports.DEMO_APP_PORT}`,
  `Your account, links and history: ${issuer}/account`,
  `Mails that would have been sent: ${issuer}/dev/outbox?token=${OUTBOX_TOKEN}`,
  'From another terminal:           npx ligature --help',
  'Ctrl-C stops all of it; the data stays.',
  `Ligature is ready: ${issuer}`,
];

const superviseLocked = async (plan: Plan, settings: Settings): Promise<number> => {
  const { print } = plan;
  const stopping = new AbortController();
  let end: (failure: Error | undefined) => void = () => undefined;
  const ended = new Promise<Error | undefined>((resolve) => (end = resolve));
  const tree = new Tree(plan, settings, stopping.signal, end);

  let asked: number | undefined;
  const onSignal = (): void => {
    if (asked === undefined) {
      asked = Date.now();
      print('Stopping. Press Ctrl-C again to stop at once.');
      end(undefined);
    } else if (Date.now() - asked > SECOND_SIGNAL_AFTER_MS) {
      print('Stopping at once.');
      void tree.stopAtOnce().finally(() => process.exit(1));
    }
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, onSignal);

  const started = tree.start().then((secrets) => welcome(settings, secrets).forEach(print), end);
  const reason = await ended;
  stopping.abort(new StopRequested());
  if (reason) print(sentenceOf(reason));
  await started;
  await tree.stop();
  for (const signal of signals) process.off(signal, onSignal);
  print(reason ? 'Everything was stopped.' : 'Stopped.');
  return reason ? 1 : 0;
};

/**
 * Starts the tree, waits for Ctrl-C or a death, and stops it again.
 * @returns the exit code: 0 when it was asked to stop, 1 when something failed; the sentence has been printed then
 */
export const supervise = async (plan: Plan): Promise<number> => {
  try {
    const settings = readSettings(plan.environment, plan.root);
    // As root, PostgreSQL runs as another user, who must be able to come by; what is secret here has modes of its own.
    mkdirSync(settings.dataDirectory, { recursive: true });
    if (process.getuid?.() === 0) chmodSync(settings.dataDirectory, statSync(settings.dataDirectory).mode | 0o011);
    const lock = acquireInstanceLock(settings.dataDirectory);
    try {
      await checkPorts(settings.portSettings, lock.leftBehind ? PATIENCE_MS : 0);
      return await superviseLocked(plan, settings);
    } finally {
      lock.release();
    }
  } catch (error) {
    plan.print(sentenceOf(error));
    return 1;
  }
};
