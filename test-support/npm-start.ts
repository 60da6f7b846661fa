import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePorts } from './ports.js';

/** Every port of the process tree, by the variable that sets it. */
export const PORTS = [
  'IDENTITY_PORT',
  'IDENTITY_MANAGEMENT_PORT',
  'PROJECTOR_MANAGEMENT_PORT',
  'EVENT_STORE_PORT',
  'EVENT_STORE_MANAGEMENT_PORT',
  'DEMO_APP_PORT',
  'DEMO_ACME_PORT',
  'DEMO_CORP_PORT',
  'DEMO_GLOBEX_PORT',
  'DEMO_MANAGEMENT_PORT',
  'POSTGRES_PORT',
] as const;

export interface CliRun {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `npm start`, on free ports and a data directory of its own: the very process tree that a newcomer gets. */
export class NpmStart {
  readonly dataDirectory = mkdtempSync(join(tmpdir(), 'ligature-start-'));
  output = '';
  #child: ChildProcess | undefined;
  #exited: Promise<unknown> = Promise.resolve();

  private constructor(private readonly environment: NodeJS.ProcessEnv) {}

  static async prepare(): Promise<NpmStart> {
    const free = await freePorts(PORTS.length);
    return new NpmStart(Object.fromEntries(PORTS.map((name, i) => [name, String(free[i])])));
  }

  port(name: (typeof PORTS)[number]): string {
    return this.environment[name] ?? '';
  }

  /** Starts everything and waits for the line that says so. @returns how long that took, in milliseconds */
  async start(): Promise<number> {
    const began = Date.now();
    this.output = '';
    const child = spawn('npm', ['start'], { env: this.#env(), stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    this.#child = child;
    this.#exited = once(child, 'exit');
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    while (!this.output.includes('Ligature is ready: ')) {
      if (child.exitCode !== null || Date.now() - began > 60_000)
        throw new Error(`npm start did not become ready:\n${this.output}`);
      await delay(25);
    }
    return Date.now() - began;
  }

  /** Every process of the tree at once, as a power cut would. */
  async killEverything(): Promise<void> {
    this.#signal('SIGKILL');
    await this.#exited;
  }

  /** Ctrl-C. */
  async stop(): Promise<void> {
    this.#signal('SIGINT');
    await this.#exited;
  }

  /** Runs `ligature …` from the checkout, as an operator beside the running system does. */
  async cli(...args: string[]): Promise<CliRun> {
    try {
      const { stdout, stderr } = await promisify(execFile)(process.execPath, ['bin/ligature.js', ...args], {
        env: this.#env(),
        maxBuffer: 10_000_000,
      });
      return { exitCode: 0, stdout, stderr };
    } catch (error) {
      const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
      return { exitCode: code, stdout, stderr };
    }
  }

  /** A value that the supervisor wrote for the command line. */
  setting(name: string): string {
    const line = readFileSync(join(this.dataDirectory, 'ligature.env'), 'utf8')
      .split('\n')
      .find((entry) => entry.startsWith(`${name}=`));
    if (!line) throw new Error(`${name} is not in ligature.env`);
    return line.slice(name.length + 1);
  }

  #env(): NodeJS.ProcessEnv {
    return { ...process.env, ...this.environment, LIGATURE_DATA_DIR: this.dataDirectory };
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#child?.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null)
      process.kill(-this.#child.pid, signal);
  }
}
