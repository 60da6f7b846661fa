import type { BrowserContext, Page } from 'playwright-core';
import { until } from '#test-support/until.js';
import type { PageInstallation } from './page-installation.js';

export const PASSWORD = 'a horse that nobody knows';

/** Somebody at a browser that runs no script. */
export class Person {
  constructor(
    readonly page: Page,
    readonly context: BrowserContext,
    private readonly installation: PageInstallation,
  ) {}

  get issuer(): string {
    return this.installation.server.issuer;
  }

  async open(path: string): Promise<void> {
    await this.page.goto(path.startsWith('/') ? `${this.issuer}${path}` : path);
  }

  /** Where the browser is, at our server: path and query; elsewhere: the whole address. */
  get at(): string {
    return this.page.url().replace(this.issuer, '');
  }

  async click(name: string | RegExp): Promise<void> {
    await this.page.getByRole('button', { name }).or(this.page.getByRole('link', { name })).first().click();
  }

  async fill(fields: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, value] of Object.entries(fields)) await this.page.locator(`input[name="${name}"]`).first().fill(value);
  }

  async register(fields: Readonly<Record<string, string>>, path = '/register'): Promise<void> {
    await this.open(path);
    await this.fill({ password: PASSWORD, ...fields });
    await this.click('Create the account');
  }

  async signIn(login: string, password = PASSWORD, path = '/sign-in'): Promise<void> {
    await this.open(path);
    await this.fill({ login, password });
    await this.page.getByRole('button', { name: 'Sign in', exact: true }).click();
  }

  /** Proves with the password who it is, if asked. */
  async confirm(): Promise<void> {
    if (!this.at.startsWith('/account/confirm')) return;
    await this.fill({ password: PASSWORD });
    await this.page.getByRole('button', { name: 'Confirm', exact: true }).click();
  }

  /** The path that a mail to this address names. */
  async mailedPath(address: string, part: string): Promise<string> {
    const path = new RegExp(`${part}/[A-Za-z0-9_-]{43}`);
    const mail = await until(async () =>
      (await this.installation.server.mails()).find(({ to, text }) => to === address && path.test(text)),
    );
    return path.exec(mail.text)?.[0] ?? '';
  }

  /** As if the session had run out. */
  async loseSession(): Promise<void> {
    await this.context.clearCookies({ name: 'ligature_session' });
    await this.context.clearCookies({ name: 'ligature_session.sig' });
  }
}
