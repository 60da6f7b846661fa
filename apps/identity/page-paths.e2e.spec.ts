import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, BrowserContextOptions, Response } from 'playwright-core';
import { userActivityStream, userStream } from '#libs/users/streams.js';
import { launchChromium } from '#test-support/chromium.js';
import { startPageInstallation } from '#test-support/pages/page-installation.js';
import type { PageInstallation } from '#test-support/pages/page-installation.js';
import { PASSWORD, Person } from '#test-support/pages/person.js';
import { until } from '#test-support/until.js';

/* What people do with the pages, and what others try to do to them, in a real browser that runs no script. */
describe('with a browser', () => {
  let installation: PageInstallation;
  let chromium: Browser;
  const people: Person[] = [];
  let names = 0;

  beforeAll(async () => {
    [installation, chromium] = [await startPageInstallation(), await launchChromium()];
  }, 60_000);
  afterAll(async () => {
    await chromium?.close();
    await installation?.stop();
  });
  afterEach(async () => {
    installation.acme.lies = {};
    installation.globex.lies = {};
    installation.app.show('');
    await Promise.all(people.splice(0).map(({ context }) => context.close()));
    await installation.server.installation.pool.query('DELETE FROM provider.throttles');
  });

  const newPerson = async (options: BrowserContextOptions = {}): Promise<Person> => {
    const context = await chromium.newContext({ javaScriptEnabled: false, ...options });
    context.setDefaultTimeout(15_000);
    const person = new Person(await context.newPage(), context, installation);
    people.push(person);
    return person;
  };
  const nextName = (): string => `person${(names += 1)}`;
  const registered = async (name = nextName()): Promise<Person> => {
    const person = await newPerson();
    await person.register({ displayName: `Name of ${name}`, username: name });
    return person;
  };
  const userIdOf = async (person: Person): Promise<string> => {
    await person.open('/account');
    return (await person.page.locator('#user-id').textContent()) ?? '';
  };
  const text = (person: Person): Promise<string> => person.page.locator('main').innerText();
  const typesOf = async (userId: string): Promise<string[]> =>
    (await installation.server.installation.store.read(userStream(userId))).map(({ event }) => event.type);
  describe('the keyboard alone', () => {
    it('signs in', async () => {
      const name = nextName();
      await (await registered(name)).context.close();
      const person = await newPerson();
      await person.open('/sign-in');
      await person.tabTo('login');
      await person.page.keyboard.type(name);
      await person.tabTo('password');
      await person.page.keyboard.type(PASSWORD);
      await person.page.keyboard.press('Enter');
      await person.page.waitForURL('**/account');
    });

    it('links an identity, after proving who it is', async () => {
      const name = nextName();
      const person = await registered(name);
      installation.globex.subject = `${name}-g`;
      await person.tabTo('Link Globex');
      await person.page.keyboard.press('Enter');
      await person.page.waitForURL('**/account/confirm?*');
      await person.tabTo('password');
      await person.page.keyboard.type(PASSWORD);
      await person.page.keyboard.press('Enter');
      await person.page.waitForURL('**/account/identities/link/globex');
      await person.tabTo('Continue to Globex');
      await person.page.keyboard.press('Enter');
      await person.page.waitForURL('**/account?notice=linked');
      expect(await person.page.locator('#linked-identities strong').allTextContents()).toEqual(['Globex']);
    });

    it('skips to the content of the account page', async () => {
      const person = await registered();
      await person.tabTo('Skip to the content');
      await person.page.keyboard.press('Enter');
      expect(person.at).toBe('/account#main');
    });
  });

  describe('an app', () => {
    it('C6: with one provider and no password, no page of ours stands between the app and the provider', async () => {
      installation.acme.subject = nextName();
      const person = await newPerson();
      const pages: string[] = [];
      person.page.on('response', (response: Response) => {
        if (response.url().startsWith(person.issuer) && response.status() === 200) pages.push(response.url());
      });
      await person.open(installation.app.authorization(person.issuer, 'app-initech'));
      expect(person.at).toMatch(new RegExp(`^${installation.app.url}/callback\\?code=`));
      expect(pages).toEqual([]);
    });

    it('C7: with that provider down the person is told, and can try again or go back to the app', async () => {
      const { app } = installation;
      const person = await newPerson();
      const opened = await person.page.goto(app.authorization(person.issuer, 'app-initech-umbrella'));
      expect([opened?.status(), person.at]).toEqual([502, expect.stringMatching(/^\/sign-in\//)]);
      expect(await text(person)).toContain('Umbrella does not answer at the moment');
      await person.click('Continue with Umbrella');
      expect(await text(person)).toContain('Umbrella does not answer at the moment');
      await person.click('Back to Timesheets');
      expect(person.at).toMatch(new RegExp(`^${app.url}/callback\\?error=access_denied`));
    });

    it('C7: with another way in, the person uses that one', async () => {
      const { app } = installation;
      const [name, person] = [nextName(), await newPerson()];
      await person.register({ displayName: name, username: name }, '/o/backup/register');
      await person.context.clearCookies();
      await person.open(app.authorization(person.issuer, 'app-backup'));
      await person.click('Continue with Umbrella');
      expect(await text(person)).toContain('Umbrella does not answer at the moment');
      await person.fill({ login: name, password: PASSWORD });
      await person.page.getByRole('button', { name: 'Sign in', exact: true }).click();
      expect(person.at).toContain(`${app.url}/callback?code=`);
    });

    it('form-action allows our own pages, the providers that are offered and the app that waits, and nobody else', async () => {
      const { app, acme, globex, away } = installation;
      const person = await newPerson();
      const allowed = async (clientId: string): Promise<string | undefined> =>
        (await person.page.goto(app.authorization(person.issuer, clientId)))
          ?.headers()
          ['content-security-policy']?.split('; ')
          .find((directive) => directive.startsWith('form-action'));
      expect(await allowed('app-default')).toBe(`form-action 'self' ${acme.issuer} ${globex.issuer} ${app.url}`);
      expect(await allowed('app-backup')).toBe(`form-action 'self' ${away} ${app.url}`);
    });

    it('asks for a language with ui_locales, which goes before the browser’s, on every page of the sign-in', async () => {
      const { app } = installation;
      const german = await newPerson({ locale: 'de-AT' });
      await german.open('/sign-in');
      expect(await german.page.locator('h1').textContent()).toBe('Anmelden');
      await german.open(app.authorization(german.issuer, 'app-default', { ui_locales: 'fr en-GB' }));
      expect(await german.page.locator('h1').textContent()).toBe('Sign in');
      const english = await newPerson();
      await english.open(app.authorization(english.issuer, 'app-default', { ui_locales: 'de' }));
      await english.click('Konto anlegen');
      expect(await english.page.locator('html').getAttribute('lang')).toBe('de');
      await english.page.goBack();
      installation.globex.lies = { callback: (parameters) => parameters.set('iss', 'https://evil.example') };
      await english.click('Weiter mit Globex');
      expect(await text(english)).toContain('Sie sind nicht angemeldet');
    });
  });

  it('an organization’s pages have its logo and colours, and no picture from anywhere else', async () => {
    const person = await newPerson();
    const opened = await person.page.goto(`${person.issuer}/o/initech/sign-in?choose`);
    expect(opened?.headers()['content-security-policy']).toContain(`img-src ${installation.app.url};`);
    const logo = person.page.getByRole('img', { name: 'Initech' });
    expect(await logo.evaluate((image) => (image as unknown as { naturalWidth: number }).naturalWidth)).toBe(132);
    const background = await person.page.locator('body').evaluate((body) => getComputedStyle(body).backgroundColor);
    expect(background).toBe('rgb(231, 241, 236)');
    const plain = await person.page.goto(`${person.issuer}/sign-in`);
    expect(plain?.headers()['content-security-policy']).not.toContain('img-src');
  });

  describe('the account pages of another organization', () => {
    it('invariant 11: have their own door; a session of one is none in the other', async () => {
      installation.acme.subject = nextName();
      const person = await newPerson();
      await person.open('/o/initech');
      expect(person.at).toBe('/account');
      expect(await person.page.getByRole('img', { name: 'Initech' }).count()).toBe(1);
      const userId = await userIdOf(person);
      await person.open('/o/initech');
      expect(person.at).toBe('/account');
      await person.open('/o/default');
      expect(person.at).toBe('/sign-in');
      const name = nextName();
      await person.register({ displayName: name, username: name });
      expect(await userIdOf(person)).not.toBe(userId);
      await person.open('/o/initech');
      expect(await userIdOf(person)).toBe(userId);
    });

    it('an expired session leads back to the same organization; signing out does not sign in again', async () => {
      installation.acme.subject = nextName();
      const person = await newPerson();
      await person.open('/o/initech');
      const userId = await userIdOf(person);
      await person.loseSession();
      await person.open('/account/history');
      expect(person.at).toBe('/account/history');
      expect(await userIdOf(person)).toBe(userId);
      await person.click('Sign out');
      expect(person.at).toBe('/o/initech/signed-out');
      await person.click('Sign in again');
      expect(person.at).toBe('/o/initech/sign-in?choose');
    });

    it.each(['nonesuch', 'UPPER', 'a_b'])('there is none called %s', async (slug) => {
      const person = await newPerson();
      for (const path of [`/o/${slug}`, `/o/${slug}/sign-in`, `/o/${slug}/register`, `/o/${slug}/signed-out`]) {
        await person.open(path);
        expect(await text(person)).toContain('organization_unknown');
      }
    });
  });

  describe('a session that ended while a form was open', () => {
    it('keeps what was typed: the person signs in again and goes on', async () => {
      const name = nextName();
      const person = await registered(name);
      await person.open('/account/name');
      await person.fill({ displayName: 'Ada <King>' });
      await person.loseSession();
      await person.click('Change the name');
      expect(person.at).toBe('/sign-in');
      await person.fill({ login: name, password: PASSWORD });
      await person.page.getByRole('button', { name: 'Sign in', exact: true }).click();
      expect([person.at, await person.typed('displayName')]).toEqual(['/account/name', 'Ada <King>']);
      await person.click('Change the name');
      expect(await person.page.locator('h1').textContent()).toBe('Ada <King>');
      await person.open('/account/name');
      await person.fill({ displayName: 'something else' });
      await person.open('/account/name');
      expect(await person.typed('displayName')).toBe('Ada <King>');
    });

    it('also when a re-authentication is due, or the session is another one of the same person', async () => {
      const name = nextName();
      const person = await registered(name);
      await person.open('/account/username');
      await person.confirm();
      await person.fill({ username: `${name}.new` });
      await installation.server.installation.pool.query('DELETE FROM provider.reauthentications');
      await person.click('Change the username');
      await person.confirm();
      expect([person.at, await person.typed('username')]).toEqual(['/account/username', `${name}.new`]);

      await person.loseSession();
      const second = await person.context.newPage();
      await second.goto(`${person.issuer}/sign-in`);
      await second.locator('input[name=login]').fill(name);
      await second.locator('input[name=password]').fill(PASSWORD);
      await second.getByRole('button', { name: 'Sign in', exact: true }).click();
      await person.click('Change the username');
      await person.confirm();
      expect([person.at, await person.typed('username')]).toEqual(['/account/username', `${name}.new`]);
      await person.click('Change the username');
      expect(person.at).toBe('/account?notice=username_changed');
    });

    it('shows it to nobody else, and never keeps a password', async () => {
      const [name, other] = [nextName(), nextName()];
      await (await registered(other)).context.close();
      const person = await registered(name);
      await person.open('/account/name');
      await person.fill({ displayName: 'private' });
      await person.loseSession();
      await person.click('Change the name');
      await person.fill({ login: other, password: PASSWORD });
      await person.page.getByRole('button', { name: 'Sign in', exact: true }).click();
      expect([person.at, await person.typed('displayName')]).toEqual(['/account/name', `Name of ${other}`]);

      await person.open('/account/password');
      await person.confirm();
      await person.fill({ password: 'never to be seen again' });
      await person.loseSession();
      await person.click('Set the password');
      await person.fill({ login: other, password: PASSWORD });
      await person.page.getByRole('button', { name: 'Sign in', exact: true }).click();
      await person.confirm();
      expect([person.at, await person.typed('password')]).toEqual(['/account/password', '']);
    });
  });

  describe('sessions', () => {
    it('are shown with device, place and times; one is ended, or all others', async () => {
      const name = nextName();
      const person = await registered(name);
      const userId = await userIdOf(person);
      const elsewhere = [await newPerson({ userAgent: FIREFOX }), await newPerson(), await newPerson()];
      for (const other of elsewhere) await other.signIn(name);
      await person.open('/account/sessions');
      expect(await person.page.locator('#other-sessions').textContent()).toBe('3 other sessions');
      const row = person.page.locator('#sessions li').filter({ hasText: 'Firefox on Windows' });
      expect(await row.innerText()).toMatch(
        /from (127\.0\.0\.1|::1) · signed in .* UTC · with the password\s+Last seen/,
      );
      await row.getByRole('button').click();
      expect(person.at).toBe('/account/sessions?notice=session_ended');
      await elsewhere[0]?.open('/account');
      expect(elsewhere[0]?.at).toBe('/sign-in');
      await elsewhere[1]?.open('/account');
      expect(elsewhere[1]?.at).toBe('/account');
      await person.click('End all other sessions');
      expect(await text(person)).toContain('You are signed in nowhere else');
      for (const other of elsewhere) {
        await other.open('/account');
        expect(other.at).toBe('/sign-in');
      }
      const ended = (await installation.server.installation.store.read(userActivityStream(userId))).map(
        ({ event }) => event,
      );
      expect(ended.filter(({ data }) => (data as { reason?: string }).reason === 'ended_by_user')).toHaveLength(3);
      await person.open('/account/history');
      expect(await text(person)).toContain('A session ended: the person ended it from another session');
    });

    it('nobody ends another person’s', async () => {
      const [mallory, victim] = [await registered(), await registered()];
      const { rows } = await installation.server.installation.pool.query<{ uid: string }>(
        `SELECT uid FROM provider.sessions WHERE state = 'active' AND user_id = $1`,
        [await userIdOf(victim)],
      );
      await new Person(mallory.page, mallory.context, installation).open('/account/sessions');
      const csrf = await mallory.page.locator('input[name=csrf]').first().inputValue();
      await mallory.context.request.post(`${mallory.issuer}/account/sessions/end`, {
        form: { csrf, session: rows[0]?.uid ?? '' },
      });
      await victim.open('/account');
      expect(victim.at).toBe('/account');
    });
  });

  describe('an organization where e-mail is the only login name', () => {
    it('whoever lost the first session before verifying asks for the mail again, and gets in with mail and password', async () => {
      const address = `${nextName()}@example.org`;
      const person = await newPerson();
      await person.register({ displayName: 'Grace', email: address }, '/o/mailers/register');
      const userId = await userIdOf(person);
      await person.loseSession();
      await person.signIn(address, PASSWORD, '/o/mailers/sign-in');
      expect(await text(person)).toContain('do not fit together');
      await person.click(/never come/);
      await person.fill({ email: address.toUpperCase() });
      await person.click('Send the mail');
      expect(await text(person)).toContain('Look into your mailbox');
      await untilMails(address, 2);
      await person.open(await person.mailedPath(address, '/verify-email'));
      await person.fill({ password: PASSWORD });
      await person.click('Yes, it is mine');
      expect(person.at).toBe('/account?notice=email_verified');
      expect(await userIdOf(person)).toBe(userId);
      expect((await typesOf(userId)).at(-1)).toBe('EmailVerified');
      await person.signIn(address, PASSWORD, '/o/mailers/sign-in');
      expect(await userIdOf(person)).toBe(userId);
    });

    it('L25: the answer is the same for every address, and nobody who does not wait for a mail gets one', async () => {
      const [waiting, verified, unknown] = [
        `${nextName()}@example.org`,
        `${nextName()}@example.org`,
        `${nextName()}@example.org`,
      ];
      for (const address of [waiting, verified]) {
        const person = await newPerson();
        await person.register({ displayName: 'x', email: address }, '/o/mailers/register');
        if (address === waiting) continue;
        await person.open(await person.mailedPath(address, '/verify-email'));
        await person.click('Yes, it is mine');
      }
      const answers: string[] = [];
      for (const address of [unknown, verified, waiting]) {
        const person = await newPerson();
        await person.open('/verification?organization=mailers');
        await person.fill({ email: address });
        await person.click('Send the mail');
        answers.push(await person.page.content());
      }
      expect(new Set(answers).size).toBe(1);
      await untilMails(waiting, 2);
      const mails = await installation.server.mails();
      expect(
        [unknown, verified].map(
          (address) => mails.filter(({ to, text }) => to === address && text.includes('/verify-email')).length,
        ),
      ).toEqual([0, 1]);
    });

    const untilMails = (address: string, count: number): Promise<boolean> =>
      until(async () =>
        (await installation.server.mails()).filter(({ to }) => to === address).length >= count ? true : undefined,
      );
  });

  describe('L32: an account that a thief linked an identity to, after its address was verified', () => {
    const RECOVERED = 'another horse that nobody knows';
    /** The owner has got it back with a new password, and is not signed in yet. */
    const recovered = async () => {
      const [name, owner, thief] = [nextName(), await newPerson(), await newPerson()];
      const address = `${name}@example.org`;
      await owner.register({ displayName: `Name of ${name}`, username: name, email: address });
      await owner.open(await owner.mailedPath(address, '/verify-email'));
      await owner.click('Yes, it is mine');
      const userId = await userIdOf(owner);
      installation.globex.subject = `thief-of-${name}`;
      await thief.signIn(name);
      await thief.link('Globex');
      expect(thief.at).toBe('/account?notice=linked');
      await owner.recover(address, RECOVERED);
      return { name, owner, thief, userId };
    };
    const throughGlobex = async (person: Person): Promise<void> => {
      await person.open('/sign-in');
      await person.click('Continue with Globex');
    };
    const choose = async (person: Person, answer: 'keep' | 'remove'): Promise<void> => {
      await person.page.locator(`input[type="radio"][value="${answer}"]`).check();
      await person.click('Save');
    };

    it('the thief’s sign-in is refused; the owner, on the way to an app, removes the identity, and goes on to the app', async () => {
      const { name, owner, thief, userId } = await recovered();
      await thief.open('/account');
      expect(thief.at).toBe('/sign-in');
      await throughGlobex(thief);
      expect(await text(thief)).toContain('No account can be used with this identity');

      const { app } = installation;
      await owner.open(app.authorization(owner.issuer, 'app-default'));
      await owner.fill({ login: name, password: RECOVERED });
      await owner.page.getByRole('button', { name: 'Sign in', exact: true }).click();
      expect(owner.at).toBe('/account/review');
      expect(await text(owner)).toMatch(/Globex[\s\S]*Linked [\s\S]*from 127\.0\.0\.1[\s\S]*Chrom/);
      await choose(owner, 'remove');
      expect(owner.at).toContain(`${app.url}/callback?code=`);
      expect((await typesOf(userId)).slice(-2)).toEqual(['SignInMethodsReviewed', 'ExternalIdentityUnlinked']);
      expect(await userIdOf(owner)).toBe(userId);
      expect(owner.at).toBe('/account');
      await throughGlobex(thief);
      expect(thief.at).toMatch(/^\/link-account\//);
    });

    it('the owner is led to the review by the account page too, until it is done; what is kept signs in again', async () => {
      const { name, owner, userId } = await recovered();
      await owner.signIn(name, RECOVERED);
      expect(owner.at).toBe('/account/review');
      await owner.click('See what happened in your account');
      expect(await text(owner)).toContain('sign-in methods on hold until reviewed: 1');
      await owner.open('/account');
      expect(owner.at).toBe('/account/review');
      await choose(owner, 'keep');
      expect(owner.at).toBe('/account?notice=methods_reviewed');
      expect(await owner.page.locator('#linked-identities strong').allTextContents()).toEqual(['Globex']);
      const again = await newPerson();
      await throughGlobex(again);
      expect(await userIdOf(again)).toBe(userId);
      await again.open('/account/review');
      expect(again.at).toBe('/account');
    });

    it('to keep one takes a confirmation when the sign-in is not recent; what was chosen stays', async () => {
      const { name, owner, userId } = await recovered();
      await owner.signIn(name, RECOVERED);
      await installation.server.installation.pool.query(
        `UPDATE provider.sessions SET auth_time = auth_time - interval '11 minutes' WHERE user_id = $1`,
        [userId],
      );
      await owner.open('/account/review');
      await choose(owner, 'keep');
      expect(owner.at).toMatch(/^\/account\/confirm\?/);
      await owner.fill({ password: RECOVERED });
      await owner.page.getByRole('button', { name: 'Confirm', exact: true }).click();
      expect(owner.at).toBe('/account/review');
      expect(await owner.page.locator('input[type="radio"][value="keep"]').isChecked()).toBe(true);
      await owner.click('Save');
      expect(owner.at).toBe('/account?notice=methods_reviewed');
    });
  });

  describe('attacks from another site', () => {
    /** Opens the attacker's page and presses its button. */
    const lure = async (victim: Person, html: string): Promise<void> => {
      installation.app.show(html);
      await victim.open(`${installation.app.url}/`);
      await victim.page.getByRole('button').click();
    };

    it('L10: a form that links an identity, unlinks one, or ends sessions, does nothing without the token', async () => {
      const name = nextName();
      const victim = await registered(name);
      const userId = await userIdOf(victim);
      await victim.open('/account/password');
      await victim.confirm();
      const before = await typesOf(userId);
      installation.acme.subject = 'mallory';
      for (const path of [
        '/account/identities/link/acme',
        '/account/password/remove',
        '/account/sessions/end-others',
        '/account/sign-out',
      ]) {
        await lure(victim, `<form method="post" action="${victim.issuer}${path}"><button>Win</button></form>`);
        expect(victim.at).toMatch(/^\/sign-in|form_expired/);
        // Also when the cookies come along, as from a site of the same domain.
        const answer = await victim.context.request.post(`${victim.issuer}${path}`, { form: { csrf: 'made-up' } });
        expect([answer.status(), await answer.text()]).toEqual([403, expect.stringContaining('form_expired')]);
      }
      expect(await typesOf(userId)).toEqual(before);
      expect(await userIdOf(victim)).toBe(userId);
    });

    it('L10: a token of the attacker’s own session is none of the victim’s', async () => {
      const [mallory, victim] = [await registered(), await registered()];
      await mallory.open('/account');
      const csrf = await mallory.page.locator('input[name=csrf]').first().inputValue();
      const answer = await victim.context.request.post(`${victim.issuer}/account/identities/link/acme`, {
        form: { csrf },
      });
      expect([answer.status(), await answer.text()]).toEqual([403, expect.stringContaining('form_expired')]);
    });

    it('L22: nobody is signed in to the attacker’s account by a form of the attacker’s', async () => {
      const name = nextName();
      await registered(name);
      const victim = await newPerson();
      await victim.open('/sign-in');
      await lure(
        victim,
        `<form method="post" action="${victim.issuer}/sign-in/password"><input name="login" value="${name}"><input name="password" value="${PASSWORD}"><button>Win</button></form>`,
      );
      expect(await text(victim)).toContain('form_expired');
      await victim.open('/account');
      expect(victim.at).toBe('/sign-in');
    });

    it('L22: a session id that was put into the browser before is none after the sign-in', async () => {
      const [mallory, name] = [await registered(), nextName()];
      await (await registered(name)).context.close();
      const victim = await newPerson();
      const planted = (await mallory.context.cookies()).filter((cookie) => cookie.name.startsWith('ligature_session'));
      await victim.context.addCookies(planted);
      await victim.signIn(name);
      const own = (await victim.context.cookies()).find((cookie) => cookie.name === 'ligature_session');
      expect(planted.map(({ value }) => value)).not.toContain(own?.value);
      const userId = await userIdOf(victim);
      await mallory.open('/account');
      expect(mallory.at).toBe('/sign-in');
      expect(userId).not.toBe('');
    });

    it('clickjacking: no page of ours is shown in a frame', async () => {
      const victim = await registered();
      installation.app.show(
        ['/account', '/sign-in', '/account/identities/link/acme', '/session/end']
          .map((path) => `<iframe src="${victim.issuer}${path}"></iframe>`)
          .join(''),
      );
      await victim.open(`${installation.app.url}/`);
      const frames = victim.page.frames().slice(1);
      expect(frames.map((frame) => frame.url())).toEqual(
        Array.from({ length: 4 }, () => 'chrome-error://chromewebdata/'),
      );
    });

    it('L24: a confirmation leads back to the account, wherever somebody wants it to lead', async () => {
      const victim = await registered();
      for (const target of [
        'https://evil.example/',
        '//evil.example',
        '/\\evil.example',
        '/account/..//evil.example',
        'javascript:alert(1)',
        '/sign-in',
        '/account?x=//evil.example',
      ]) {
        await victim.open(`/account/confirm?return=${encodeURIComponent(target)}`);
        expect(await victim.typed('return')).toBe('/account');
        await victim.page
          .locator('input[name=return]')
          .first()
          .evaluate((input, value) => input.setAttribute('value', value), target);
        await victim.confirm();
        expect(victim.at).toBe('/account');
      }
      const header = `/account/confirm?return=${encodeURIComponent('/account\r\nx: y')}`;
      const answer = await victim.page.goto(`${victim.issuer}${header}`);
      expect([answer?.status(), await victim.page.content()]).toEqual([400, expect.stringContaining('text_invalid')]);
    });

    it('L24: where to go on after a sign-in is nothing that somebody else can say', async () => {
      const name = nextName();
      await (await registered(name)).context.close();
      const victim = await newPerson();
      const forged = Buffer.from(JSON.stringify({ path: '//evil.example', expiresAt: 9e15 })).toString('base64url');
      await victim.context.addCookies([{ name: 'ligature_continue', value: forged, url: victim.issuer }]);
      await victim.signIn(name);
      expect(victim.at).toBe('/account');
    });
  });
});

const FIREFOX = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:146.0) Gecko/20100101 Firefox/146.0';
