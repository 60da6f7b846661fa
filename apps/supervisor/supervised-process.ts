import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { renderLogLine } from './log-line.js';
import type { ProcessDefinition, ServiceDefinition } from './process-definition.js';

const READY_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 15_000;
const LINES_KEPT = 15;
/** What any program may need of the system; everything else it must be given. */
const SYSTEM_VARIABLES = ['PATH', 'HOME', 'USER', 'LANG', 'TZ', 'TMPDIR', 'SystemRoot', 'TEMP', 'LIGATURE_LOG_LEVEL'];

/**
 * A process ended that should not have, or did not become ready. The message says which, how, and what it wrote last.
 */
export class ProcessFailure extends Error {}

const systemEnvironment = (): Record<string, string> =>
  Object.fromEntries(
    SYSTEM_VARIABLES.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );

/** A child process: its lines go to `print`, its last ones are kept for when it dies. */
export class SupervisedProcess {
  /** How it ended, e.g. `exit code 1` or `signal SIGKILL`. */
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;
  readonly #lastLines: string[] = [];
  #running = true;

  constructor(
    readonly definition: ProcessDefinition,
    options: { readonly cwd: string; readonly print: (line: string) => void },
  ) {
    const isService = definition.kind === 'service';
    this.#child = spawn(process.execPath, [definition.entry, ...(isService ? [] : definition.args)], {
      cwd: options.cwd,
      env: { ...systemEnvironment(), ...definition.environment },
      // A session of its own: Ctrl-C on the terminal reaches us alone, and we stop the children in order. A service has
      // a channel to us, whose closing tells it that we are gone (`exitWithParent`); a task ends by itself.
      detached: process.platform !== 'win32',
      stdio: ['ignore', 'pipe', 'pipe', ...(isService ? (['ipc'] as const) : [])],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (!stream) continue;
      createInterface({ input: stream }).on('line', (raw) => {
        const line = renderLogLine(raw);
        this.#lastLines.push(line);
        if (this.#lastLines.length > LINES_KEPT) this.#lastLines.shift();
        options.print(line);
      });
    }
    this.ended = new Promise((resolve) => {
      this.#child.once('error', (error) => resolve(error.message));
      // `close`, not `exit`: its last lines have been read then.
      this.#child.once('close', (code, signal) => resolve(signal ? `signal ${signal}` : `exit code ${code}`));
    });
    void this.ended.then(() => (this.#running = false));
  }

  /** The sentence for an end that nobody asked for. */
  failure(how: string): ProcessFailure {
    const said =
      this.#lastLines.length > 0
        ? ` The last it said:\n${this.#lastLines.map((line) => `    ${line}`).join('\n')}`
        : '';
    return new ProcessFailure(`${this.definition.name} ${how}.${said}`);
  }

  /**
   * Waits until a service is ready, or a task has ended well.
   * @throws ProcessFailure when it ends or takes too long; the signal's reason when that aborts
   */
  async settled(signal: AbortSignal): Promise<void> {
    const { definition } = this;
    const ended = this.ended.then((how) => {
      if (definition.kind === 'service' || how !== 'exit code 0') throw this.failure(`ended with ${how}`);
    });
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
    await Promise.race([definition.kind === 'service' ? this.#ready(definition) : ended, ended, aborted]);
  }

  async #ready({ managementPort }: ServiceDefinition): Promise<void> {
    const deadline = Date.now() + READY_TIMEOUT_MS;
    let answer = 'nothing';
    while (this.#running) {
      try {
        const response = await fetch(`http://127.0.0.1:${managementPort}/health/ready`, {
          signal: AbortSignal.timeout(2_000),
        });
        answer = await response.text();
        if (response.ok) return;
      } catch {
        // Not listening yet.
      }
      if (Date.now() > deadline)
        throw this.failure(`was not ready within ${READY_TIMEOUT_MS / 1000} s (its health says ${answer})`);
      await delay(50);
    }
    await this.ended;
    // `settled` reports the end.
    await new Promise(() => undefined);
  }

  /** Asks it to end; kills it when it does not within a while. */
  async stop(): Promise<void> {
    if (!this.#running) return;
    this.#child.kill('SIGTERM');
    const killed = setTimeout(() => this.kill(), STOP_TIMEOUT_MS);
    await this.ended;
    clearTimeout(killed);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
