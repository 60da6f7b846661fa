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
    for (const [name, value] of Object.entries(fields))
      await this.page.locator(`input[name="${name}"]`).first().fill(value);
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

  /** Links an identity of a provider to the account, after proving who it is if asked. */
  async link(provider: string): Promise<void> {
    await this.open('/account');
    await this.click(`Link ${provider}`);
    await this.confirm();
    if (this.at.includes('/identities/link/')) await this.click(`Continue to ${provider}`);
  }

  /** Gets the account of this verified address back, with a new password. */
  async recover(address: string, password: string): Promise<void> {
    await this.open('/recovery');
    await this.fill({ email: address });
    await this.click('Send the mail');
    await this.open(await this.mailedPath(address, '/recovery'));
    await this.fill({ password });
    await this.click('Set the password');
  }

  /** The path that a mail to this address names. */
  async mailedPath(address: string, part: string): Promise<string> {
    const path = new RegExp(`${part}/[A-Za-z0-9_-]{43}`);
    const mail = await until(async () =>
      (await this.installation.server.mails()).find(({ to, text }) => to === address && path.test(text)),
    );
    return path.exec(mail.text)?.[0] ?? '';
  }

  /** Everybody's sessions run out. */
  async loseSession(): Promise<void> {
    await this.installation.server.installation.pool.query(
      `UPDATE provider.sessions SET expires_at = now() WHERE state = 'active'`,
    );
  }

  /** What is typed into a field, or was there. */
  typed(name: string): Promise<string> {
    return this.page.locator(`input[name="${name}"]`).first().inputValue();
  }

  /** Presses the tab key until the focus is on what has this text or, for a field, this name. */
  async tabTo(what: string): Promise<void> {
    for (let i = 0; i < 60; i += 1) {
      await this.page.keyboard.press('Tab');
      const focused = this.page.locator(':focus');
      if ((await focused.count()) === 0) continue;
      if ((await focused.textContent())?.includes(what) || (await focused.getAttribute('name')) === what) return;
    }
    throw new Error(`The tab key never led to "${what}" on ${this.at}`);
  }
}
