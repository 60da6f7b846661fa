import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Browser } from '../browser.js';
import { requestsTo } from './requests.js';
import type { HostileRequest, Known } from './requests.js';

const MAIN = fileURLToPath(new URL('./server-main.js', import.meta.url));

/** An identity server that is attacked, and what each attack costs it. */
export class HostileServer {
  private constructor(
    private readonly child: ChildProcess,
    readonly known: Known,
  ) {}

  /** From a build: `dist` has to be there. */
  static async start(): Promise<HostileServer> {
    const child = fork(MAIN, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    const [{ issuer, entityId }] = (await once(child, 'message')) as [{ issuer: string; entityId: string }];
    const browser = new Browser();
    const csrfOf = async (path: string): Promise<string> => {
      await browser.open(issuer + path);
      return /name="csrf" value="([^"]+)"/.exec(browser.html)?.[1] ?? '';
    };
    const [signIn, register, recovery] = [
      await csrfOf('/sign-in'),
      await csrfOf('/register'),
      await csrfOf('/recovery'),
    ];
    const cookie = `ligature_browser=${browser.cookie(issuer, 'ligature_browser')}`;
    return new HostileServer(child, { issuer, entityId, cookie, csrf: { signIn, register, recovery } });
  }

  requests(): readonly HostileRequest[] {
    return requestsTo(this.known);
  }

  /** @returns processor time of the server for one request, in milliseconds; all its threads */
  async costOf({ path, init }: HostileRequest, times = 1): Promise<number> {
    await this.#ask('forget');
    const before = await this.#usedMs();
    for (let i = 0; i < times; i += 1) {
      const answer = await fetch(this.known.issuer + path, { redirect: 'manual', ...init });
      await answer.arrayBuffer();
      const next = answer.headers.get('location');
      // What is posted from elsewhere is looked at by the request that follows it.
      if (next?.includes('?response=')) {
        const followed = await fetch(new URL(next, this.known.issuer), {
          redirect: 'manual',
          headers: { cookie: this.known.cookie },
        });
        await followed.arrayBuffer();
      }
    }
    return ((await this.#usedMs()) - before) / times;
  }

  async stop(): Promise<void> {
    this.child.kill();
    await once(this.child, 'exit');
  }

  async #usedMs(): Promise<number> {
    const { cpuUsage } = (await this.#ask('usage')) as { cpuUsage: NodeJS.CpuUsage };
    return (cpuUsage.user + cpuUsage.system) / 1_000;
  }

  async #ask(what: string): Promise<unknown> {
    const answered = once(this.child, 'message');
    this.child.send(what);
    return ((await answered) as [unknown])[0];
  }
}
