import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { executeOnAccount } from '#libs/users/execute-on-account.js';
import { createPasswords } from '#libs/users/passwords.js';
import { userActivityStream, userStream } from '#libs/users/streams.js';
import { Browser } from '#test-support/browser.js';
import { HostileOpenIdProvider } from '#test-support/hostile-openid-provider.js';
import { startTestIdentityServer } from '#test-support/identity-server.js';
import type { TestIdentityServer } from '#test-support/identity-server.js';
import { testContext } from '#test-support/installation.js';
import { until } from '#test-support/until.js';

const USER_ID = /id="user-id">([0-9a-f-]{36})</;
const PASSWORD = 'a horse that nobody knows';
const OTHER_PASSWORD = 'another horse, unknown too';

const configuration = (acme: string, globex: string, acmePolicy: string, globexPolicy: string): string => `
identityProviders:
  - { id: acme, kind: oidc, displayName: Acme, issuer: "${acme}", clientId: ligature, scopes: [openid, profile, email] }
  - { id: globex, kind: oidc, displayName: Globex, issuer: "${globex}", clientId: ligature, scopes: [openid, profile, email] }
organizations:
  - id: default
    displayName: Test
    loginPolicy: { password: true, registration: true, recovery: true, acrValues: ["urn:example:low"] }
    identityProviders:
      - { id: acme, policy: ${acmePolicy} }
      - { id: globex, policy: ${globexPolicy} }
`;
const BY_HAND = '{ creationAllowed: true, linkingAllowed: true }';
const EVERYTHING = '{ creationAllowed: true, autoCreate: true, linkingAllowed: true }';

describe('accounts over HTTP', () => {
  let server: TestIdentityServer;
  let acme: HostileOpenIdProvider;
  let globex: HostileOpenIdProvider;
  let people = 0;

  beforeAll(async () => {
    [acme, globex] = [await HostileOpenIdProvider.start(), await HostileOpenIdProvider.start()];
    server = await startTestIdentityServer();
    await configure(BY_HAND);
  }, 60_000);
  afterAll(async () => {
    await server.stop();
    await acme.stop();
    await globex.stop();
  });
  afterEach(async () => {
    acme.lies = {};
    globex.lies = {};
    await server.installation.pool.query('DELETE FROM provider.throttles');
  });

  const configure = (acmePolicy: string, globexPolicy = EVERYTHING): Promise<void> =>
    server.installation.configure(configuration(acme.issuer, globex.issuer, acmePolicy, globexPolicy));
  const nextName = (): string => `person${(people += 1)}`;
  const open = async (path: string, browser = new Browser()): Promise<Browser> => {
    await browser.open(`${server.issuer}${path}`);
    return browser;
  };
  const register = async (username: string, email?: string, browser = new Browser()): Promise<Browser> => {
    await browser.open(`${server.issuer}/register`);
    await browser.submit({
      displayName: `Name of ${username}`,
      username,
      password: PASSWORD,
      ...(email ? { email } : {}),
    });
    return browser;
  };
  const signIn = async (login: string, password = PASSWORD, browser = new Browser()): Promise<Browser> => {
    await browser.open(`${server.issuer}/sign-in`);
    await browser.submit({ login, password }, '/sign-in/password');
    return browser;
  };
  const through = async (provider: 'acme' | 'globex', browser = new Browser()): Promise<Browser> => {
    await browser.open(`${server.issuer}/sign-in`);
    await browser.submit({}, `/providers/${provider}`);
    return browser;
  };
  /** Confirms with the password when asked to. */
  const confirm = async (browser: Browser, password = PASSWORD): Promise<void> => {
    if (browser.url.includes('/account/confirm')) await browser.submit({ password }, '/confirm/password');
  };
  const userIdIn = (browser: Browser): string => USER_ID.exec(browser.html)?.[1] ?? '';
  const isSignedIn = async (browser: Browser): Promise<boolean> => {
    await browser.open(`${server.issuer}/account`);
    return browser.url === `${server.issuer}/account`;
  };
  const eventsOf = async (userId: string) =>
    (await server.installation.store.read(userStream(userId))).map(({ event }) => event);
  const typesOf = async (userId: string): Promise<string[]> => (await eventsOf(userId)).map(({ type }) => type);
  const mailTo = async (address: string, part: string): Promise<string> => {
    const path = new RegExp(`${part}/[A-Za-z0-9_-]{43}`);
    const mail = await until(async () =>
      (await server.mails()).find(({ to, text }) => to === address && path.test(text)),
    );
    return path.exec(mail.text)?.[0] ?? '';
  };
  const verify = async (browser: Browser, address: string): Promise<void> => {
    await open(await mailTo(address, '/verify-email'), browser);
    await browser.submit({}, '/verify-email');
  };

  it('registers, is signed in, signs out, and signs in with username or verified e-mail', async () => {
    const [name, address] = ['Ada.Lovelace', 'ada@example.org'];
    const browser = await register(name, address);
    const userId = userIdIn(browser);
    expect(await typesOf(userId)).toEqual(['UserRegistered', 'UsernameChanged', 'EmailAdded', 'PasswordSet']);
    expect(userIdIn(await signIn(name.toLowerCase()))).toBe(userId);
    const unverified = await signIn(address);
    expect([unverified.status, unverified.text]).toEqual([422, expect.stringContaining('do not fit together')]);
    await verify(browser, address);
    expect(browser.text).toContain(`${address} (verified)`);
    expect(userIdIn(await signIn('ADA@example.org'))).toBe(userId);
    expect((await server.installation.store.read(userActivityStream(userId))).map(({ event }) => event)).toContainEqual(
      {
        type: 'LoginSucceeded',
        data: { sessionId: expect.any(String), method: 'password' },
      },
    );
  });

  it('L25: an unknown user, a wrong password and an account without one get the same answer, byte for byte but for the form’s token', async () => {
    const name = nextName();
    await register(name);
    acme.subject = nextName();
    const answers = await Promise.all(
      [name, 'nobody.at.all', 'x@y.example', '@@@', 'a b'].map(async (login) => {
        const browser = await signIn(login, 'not the password at all');
        return [
          browser.status,
          browser.html.replace(/name="csrf" value="[^"]*"/g, '').replace(` value="${login}"`, ''),
        ];
      }),
    );
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(answers[0]?.[0]).toBe(422);
  });

  it('L29: more attempts on one name than its limit are refused, known and unknown alike, and the owner is still let in from elsewhere when the window is over', async () => {
    const name = nextName();
    await register(name);
    for (const login of [name, 'somebody.unknown']) {
      const codes = [];
      for (let i = 0; i < 12; i += 1)
        codes.push((await signIn(login, 'not the password at all')).text.includes('too many attempts'));
      expect(codes).toEqual([...Array.from({ length: 10 }, () => false), true, true]);
    }
    expect((await signIn(name)).text).toContain('too many attempts');
    await server.installation.pool.query('DELETE FROM provider.throttles');
    expect(await isSignedIn(await signIn(name))).toBe(true);
  });

  it('a taken username is told at registration, what was typed stays, and no user is made of it', async () => {
    const name = nextName();
    const address = `${name}@example.org`;
    await register(name);
    const again = await register(name.toUpperCase(), address);
    expect([again.status, again.text]).toEqual([422, expect.stringContaining('That username is taken')]);
    expect(again.html).toContain(`value="${address}"`);
    expect(again.html).not.toContain(PASSWORD);
  });

  it('every mistake of a registration is named at once', async () => {
    const browser = await open('/register');
    await browser.submit({ username: 'a b', email: '"quoted"@example.org', password: 'short' });
    expect(browser.status).toBe(422);
    for (const mistake of ['Use 2 to 64 letters', 'not an e-mail address', 'at least 10 characters'])
      expect(browser.text).toContain(mistake);
  });

  it('a form without its token is refused', async () => {
    const name = nextName();
    await register(name);
    const browser = await open('/sign-in');
    await browser.post(`${server.issuer}/sign-in/password`, { login: name, password: PASSWORD });
    expect([browser.status, browser.text]).toEqual([403, expect.stringContaining('form_expired')]);
  });

  it('L25: a password that was hashed with older parameters is hashed anew at sign-in, and no session ends by it', async () => {
    const name = nextName();
    const here = await register(name);
    const userId = userIdIn(here);
    const passwordHash = await createPasswords({ memoryKiB: 7_168 }).hash(PASSWORD);
    await executeOnAccount(server.installation.store, {
      userId,
      organizationId: 'default',
      context: testContext(),
      decide: () => ({ events: [{ type: 'PasswordRehashed', data: { passwordHash } }], outcome: { kind: 'done' } }),
    });
    expect(userIdIn(await signIn(name))).toBe(userId);
    expect((await eventsOf(userId)).at(-1)).toMatchObject({
      type: 'PasswordRehashed',
      data: { passwordHash: expect.stringContaining('m=19456') },
    });
    const { length } = await eventsOf(userId);
    expect(userIdIn(await signIn(name))).toBe(userId);
    expect(await eventsOf(userId)).toHaveLength(length);
    expect(await isSignedIn(here)).toBe(true);
  });

  it('L20: a password change ends every other session, and the old password', async () => {
    const name = nextName();
    const here = await register(name);
    const elsewhere = await signIn(name);
    await open('/account/password', here);
    await confirm(here);
    await here.submit({ password: OTHER_PASSWORD }, '/account/password');
    expect(here.text).toContain('all your other sessions are ended');
    expect(await isSignedIn(here)).toBe(true);
    expect(await isSignedIn(elsewhere)).toBe(false);
    expect((await signIn(name)).status).toBe(422);
    expect(await isSignedIn(await signIn(name, OTHER_PASSWORD))).toBe(true);
    const ended = (await server.installation.store.read(userActivityStream(userIdIn(here)))).filter(
      ({ event }) => event.type === 'SessionEnded',
    );
    expect(ended.map(({ event }) => event.data)).toEqual([
      { sessionId: expect.any(String), reason: 'password_changed' },
    ]);
  });

  it('L21: the password is not removed while it is the last way in; with a linked identity it is', async () => {
    const name = nextName();
    const browser = await register(name);
    await open('/account/password', browser);
    await confirm(browser);
    await browser.submit({}, '/account/password/remove');
    expect([browser.status, browser.text]).toEqual([409, expect.stringContaining('last_credential')]);
    await open('/account', browser);
    globex.subject = `${name}-g`;
    await browser.submit({}, '/link/globex');
    expect(browser.text).toContain('is linked');
    await open('/account/password', browser);
    await browser.submit({}, '/account/password/remove');
    expect(browser.text).toContain('The password is removed');
    expect((await signIn(name)).status).toBe(422);
    expect(userIdIn(await through('globex'))).toBe(userIdIn(await open('/account', browser)));
  });

  describe('e-mail', () => {
    it('L3: a verification mail proves nothing but to who has a session of the account that the address was put on, or its password', async () => {
      const [name, other] = [nextName(), nextName()];
      const address = `${name}@example.org`;
      await register(name, address);
      const path = await mailTo(address, '/verify-email');
      const elsewhere = await open(path);
      await elsewhere.submit({ password: OTHER_PASSWORD }, '/verify-email');
      expect([elsewhere.status, elsewhere.text]).toEqual([422, expect.stringContaining('That is not your password')]);
      const stranger = await register(other);
      await open(path, stranger);
      expect([stranger.status, stranger.text]).toEqual([400, expect.stringContaining('email_verification_invalid')]);
      expect((await eventsOf(userIdIn(await signIn(name)))).some(({ type }) => type === 'EmailVerified')).toBe(false);
    });

    it('L20: whose password is changed while they prove an address by it is not signed in', async () => {
      const name = nextName();
      const userId = userIdIn(await register(name, `${name}@example.org`));
      const elsewhere = await open(await mailTo(`${name}@example.org`, '/verify-email'));
      const { pool, store } = server.installation;
      const database = await pool.connect();
      await database.query('BEGIN; LOCK TABLE provider.mail_tokens IN SHARE MODE');
      const answered = elsewhere.submit({ password: PASSWORD }, '/verify-email');
      // The password fitted, and the mail is about to be used up.
      await until(async () => {
        const { rowCount } = await pool.query(
          `SELECT 1 FROM pg_locks WHERE relation = 'provider.mail_tokens'::regclass AND NOT granted`,
        );
        return rowCount === 1 ? true : undefined;
      });
      await executeOnAccount(store, {
        userId,
        organizationId: 'default',
        context: testContext(),
        decide: () => ({
          events: [{ type: 'PasswordSet', data: { passwordHash: 'another' } }],
          outcome: { kind: 'done' },
        }),
      });
      await database.query('COMMIT');
      database.release();
      await answered;
      expect(await isSignedIn(elsewhere)).toBe(false);
    });

    it('two accounts wait for one address; whoever proves it has it, and the other is told', async () => {
      const [one, two] = [nextName(), nextName()];
      const address = `shared${people}@example.org`;
      const first = await register(one, address);
      const firstPath = await mailTo(address, '/verify-email');
      const second = await register(two, address);
      await until(async () =>
        (await server.mails()).filter(({ to }) => to === address).length === 2 ? true : undefined,
      );
      await verify(second, address);
      expect(second.text).toContain(`${address} (verified)`);
      await open(firstPath, first);
      await first.submit({}, '/verify-email');
      expect([first.status, first.text]).toEqual([409, expect.stringContaining('email_taken')]);
    });

    it('a changed address releases the old one, tells both, and a mail that was overtaken proves nothing', async () => {
      const name = nextName();
      const [old, overtaken, next] = [`${name}@old.example`, `${name}@overtaken.example`, `${name}@next.example`];
      const browser = await register(name, old);
      await verify(browser, old);
      const change = async (address: string): Promise<void> => {
        await open('/account/email', browser);
        await confirm(browser);
        await browser.submit({ email: address }, '/account/email');
      };
      await change(overtaken);
      const overtakenPath = await mailTo(overtaken, '/verify-email');
      await change(next);
      await open(overtakenPath, browser);
      await browser.submit({}, '/verify-email');
      expect(browser.text).toContain('email_verification_invalid');
      await verify(browser, next);
      expect(browser.text).toContain(`${next} (verified)`);
      await until(async () => {
        const told = (await server.mails())
          .filter(({ subject }) => subject.includes('was changed'))
          .map(({ to }) => to);
        return told.includes(old) && told.includes(next) ? true : undefined;
      });
      const heir = await register(nextName(), old);
      await verify(heir, old);
      expect(heir.text).toContain(`${old} (verified)`);
    });
  });

  describe('recovery', () => {
    const request = async (address: string): Promise<Browser> => {
      const browser = await open('/recovery');
      await browser.submit({ email: address });
      return browser;
    };

    it.each<[string, number, (token: string) => Promise<Response>]>([
      ['an address that is none', 404, (token) => fetch(`${server.issuer}/recovery/${token}/x?token=${token}`)],
      [
        'a body that cannot be read',
        415,
        (token) =>
          fetch(`${server.issuer}/recovery/${token}`, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: '{"password": topsecret}',
          }),
      ],
      [
        'a body that is no form',
        415,
        (token) =>
          fetch(`${server.issuer}/recovery/${token}`, {
            method: 'POST',
            headers: { 'content-type': 'text/plain' },
            body: 'topsecret',
          }),
      ],
      [
        'a form that is none of ours, with nothing in it',
        415,
        () =>
          fetch(`${server.issuer}/recovery`, {
            method: 'POST',
            headers: { 'content-type': 'text/plain' },
            body: 'topsecret',
          }),
      ],
    ])(
      '%s is refused, and the log has neither what opens an account nor what was sent',
      async (_what, status, send) => {
        const token = randomBytes(32).toString('base64url');
        const logged = server.log.length;
        expect((await send(token)).status).toBe(status);
        const lines = JSON.stringify(server.log.slice(logged));
        expect([lines.includes(token), lines.includes('topsecret')]).toEqual([false, false]);
      },
    );

    it('L2–L4, L32: a recovery ends every session, unlinks what was there before the address was proven, holds what came since, and voids pending changes', async () => {
      const name = nextName();
      const address = `${name}@example.org`;
      const browser = await register(name, address);
      const userId = userIdIn(browser);
      acme.subject = `${name}-trojan`;
      await browser.submit({}, '/link/acme');
      await confirm(browser);
      await browser.submit({}, '/link/acme');
      await verify(browser, address);
      globex.subject = `${name}-own`;
      await browser.submit({}, '/link/globex');
      expect(browser.text).toContain('is linked');
      await open('/account/email', browser);
      await browser.submit({ email: `${name}@pending.example` }, '/account/email');
      const pendingPath = await mailTo(`${name}@pending.example`, '/verify-email');

      await request(address);
      const victim = await open(await mailTo(address, '/recovery'));
      await victim.submit({ password: OTHER_PASSWORD });
      expect(victim.url).toContain('/sign-in');
      expect(await isSignedIn(browser)).toBe(false);
      expect((await signIn(name)).status).toBe(422);
      const back = await signIn(address, OTHER_PASSWORD);
      expect(back.url).toBe(`${server.issuer}/account/review`);
      acme.subject = `${name}-trojan`;
      expect((await through('acme')).url).toContain('/link-account/');
      globex.subject = `${name}-own`;
      expect((await through('globex')).text).toContain('account_not_found');
      await open(pendingPath, back);
      expect(back.text).toContain('email_verification_invalid');
      expect((await typesOf(userId)).slice(-3)).toEqual([
        'AccountRecovered',
        'ExternalIdentityUnlinked',
        'PasswordSet',
      ]);
      await open('/account/review', back);
      await back.submit({});
      expect([back.status, back.text]).toEqual([422, expect.stringContaining('Choose “Keep” or “Remove”')]);
      const [, field = ''] = /name="(answer-[0-9a-f-]{36})"/.exec(back.html) ?? [];
      await back.submit({ [field]: 'keep' });
      expect([back.url.replace(server.issuer, ''), userIdIn(back)]).toEqual([
        '/account?notice=methods_reviewed',
        userId,
      ]);
      expect(userIdIn(await through('globex'))).toBe(userId);
    });

    it('L32: a review needs the token of its form, and says in German what it says', async () => {
      const name = nextName();
      const address = `${name}@example.org`;
      const browser = await register(name, address);
      await verify(browser, address);
      globex.subject = `${name}-thief`;
      await browser.submit({}, '/link/globex');
      await confirm(browser);
      await browser.submit({}, '/link/globex');
      await request(address);
      await (await open(await mailTo(address, '/recovery'))).submit({ password: OTHER_PASSWORD });
      const back = await signIn(address, OTHER_PASSWORD);
      const [, claimId = ''] = /name="answer-([0-9a-f-]{36})"/.exec(back.html) ?? [];
      await back.post(`${server.issuer}/account/review`, { [`answer-${claimId}`]: 'keep' });
      expect(back.text).toContain('form_expired');
      back.language = 'de';
      await open('/account/review', back);
      expect(back.text).toMatch(
        /Prüfen Sie Ihre Anmeldewege .*Globex .*Verknüpft .* Behalten: Sie gehört mir .*Entfernen/,
      );
    });

    it('L4: an address that a thief put on the account, or asks to be mailed about again, proves nothing after a recovery', async () => {
      const name = nextName();
      const address = `${name}@example.org`;
      const browser = await register(name, address);
      await verify(browser, address);
      await open('/account/email', browser);
      await confirm(browser);
      await browser.submit({ email: `${name}@thief.example` }, '/account/email');
      const early = await mailTo(`${name}@thief.example`, '/verify-email');
      await request(address);
      await (await open(await mailTo(address, '/recovery'))).submit({ password: OTHER_PASSWORD });
      const asking = await open('/verification');
      await asking.submit({ email: `${name}@thief.example` });
      const back = await signIn(address, OTHER_PASSWORD);
      await open(early, back);
      expect(back.text).toContain('email_verification_invalid');
      await open('/account', back);
      expect(back.text).not.toContain('thief.example');
    });

    it('L25: the answer is the same for an address that nobody has, and no mail goes out', async () => {
      const name = nextName();
      const address = `${name}@example.org`;
      const browser = await register(name, address);
      await verify(browser, address);
      const [known, unknown] = [await request(address), await request(`nobody-${name}@example.org`)];
      expect([known.status, known.html]).toEqual([unknown.status, unknown.html]);
      await mailTo(address, '/recovery');
      expect((await server.mails()).filter(({ to }) => to.startsWith('nobody-'))).toEqual([]);
    });

    it('L13: a recovery mail works once', async () => {
      const name = nextName();
      const address = `${name}@example.org`;
      await verify(await register(name, address), address);
      await request(address);
      const path = await mailTo(address, '/recovery');
      await (await open(path)).submit({ password: OTHER_PASSWORD });
      const again = await open(path);
      expect([again.status, again.text]).toEqual([403, expect.stringContaining('recovery_not_allowed')]);
    });
  });

  describe('a first sign-in through a provider that creates nothing by itself (row 5)', () => {
    it('offers both choices; creating takes the asserted values from the server’s record', async () => {
      acme.subject = nextName();
      const browser = await through('acme');
      expect(browser.url).toContain('/link-account/');
      expect(browser.text).toContain('You signed in at Acme');
      await browser.submit({ displayName: 'Created by hand', username: nextName() }, '/create');
      expect(browser.url).toBe(`${server.issuer}/account`);
      expect(await typesOf(userIdIn(browser))).toEqual(['UserRegistered', 'UsernameChanged', 'ExternalIdentityLinked']);
      expect(userIdIn(await through('acme'))).toBe(userIdIn(browser));
    });

    it('links to an account whose control is proven by password, and signs in to it from then on', async () => {
      const name = nextName();
      const userId = userIdIn(await register(name));
      acme.subject = `${name}-a`;
      const browser = await through('acme');
      await browser.submit({ login: name, password: 'not the password at all' }, '/password');
      expect(browser.text).toContain('do not fit together');
      await browser.submit({ login: name, password: PASSWORD }, '/password');
      expect(userIdIn(browser)).toBe(userId);
      expect(userIdIn(await through('acme'))).toBe(userId);
      expect((await eventsOf(userId)).at(-1)).toMatchObject({
        type: 'ExternalIdentityLinked',
        data: { provenance: { origin: 'self_service', proof: 'assertion_and_reauthentication' } },
      });
    });

    it('links to an account whose control is proven through another provider; one that nobody owns proves nothing', async () => {
      const name = nextName();
      globex.subject = `${name}-g`;
      const userId = userIdIn(await through('globex'));
      acme.subject = `${name}-a`;
      const browser = await through('acme');
      globex.subject = `${name}-unknown`;
      const page = browser.url;
      await browser.submit({}, '/providers/globex');
      expect([browser.status, browser.text]).toEqual([403, expect.stringContaining('account_not_found')]);
      await browser.open(page);
      globex.subject = `${name}-g`;
      await browser.submit({}, '/providers/globex');
      expect(userIdIn(browser)).toBe(userId);
      expect(userIdIn(await through('acme'))).toBe(userId);
    });

    it('L9, L13: the record works in the browser that it was made for, once, and not after the identity was linked by another path', async () => {
      const name = nextName();
      await register(name);
      acme.subject = `${name}-a`;
      const one = await through('acme');
      const other = await through('acme');
      expect((await open(new URL(one.url).pathname)).text).toContain('link_intent_invalid');
      const stolen = one.clone();
      await stolen.open(one.url);
      await one.submit({ login: name, password: PASSWORD }, '/password');
      expect(one.url).toBe(`${server.issuer}/account`);
      for (const late of [stolen, other]) {
        await late.submit({ login: name, password: PASSWORD }, '/password');
        expect([late.status, late.text]).toEqual([400, expect.stringContaining('link_intent_invalid')]);
      }
    });

    it('L9: the record is dead when the identity was linked from the account, and stays so when the link is removed', async () => {
      const name = nextName();
      const owner = await register(name);
      acme.subject = `${name}-a`;
      const waiting = await through('acme');
      await open('/account', owner);
      await owner.submit({}, '/link/acme');
      await confirm(owner);
      await owner.submit({}, '/link/acme');
      const [, unlinking] = /href="([^"]*\/unlink)"/.exec(owner.html) ?? [];
      await open(unlinking ?? '', owner);
      await owner.submit({}, '/unlink');
      expect(owner.text).toContain('is unlinked');
      await waiting.submit({ login: name, password: PASSWORD }, '/password');
      expect([waiting.status, waiting.text]).toEqual([400, expect.stringContaining('link_intent_invalid')]);
    });

    it('L8: a policy that changed while the page was open is what counts', async () => {
      const name = nextName();
      await register(name);
      acme.subject = `${name}-a`;
      const [linking, creating] = [await through('acme'), await through('acme')];
      await configure('{ creationAllowed: false, linkingAllowed: false }');
      await linking.submit({ login: name, password: PASSWORD }, '/password');
      expect([linking.status, linking.text]).toEqual([403, expect.stringContaining('linking_not_allowed')]);
      await creating.submit({ username: nextName() }, '/create');
      expect([creating.status, creating.text]).toEqual([403, expect.stringContaining('creation_not_allowed')]);
      await configure(BY_HAND);
    });

    it('declined: it goes back to the ways in, and the attempt is on record', async () => {
      acme.subject = nextName();
      const browser = await through('acme');
      await browser.submit({}, '/decline');
      expect(browser.url).toBe(`${server.issuer}/sign-in?choose`);
    });
  });

  describe('automatic linking by e-mail (row 3)', () => {
    const TRUSTED = (onMatch: string, domains = '[trusted.example]'): string =>
      `{ creationAllowed: true, autoCreate: true, linkingAllowed: true, autoLink: [email], onMatch: ${onMatch}, emailTrustedDomains: ${domains} }`;
    const assertEmail = (email: string, verified: unknown = true): void => {
      acme.lies = { claims: (claims) => ({ ...claims, email, email_verified: verified }) };
    };
    const verifiedUser = async (name: string, address: string): Promise<string> => {
      const browser = await register(name, address);
      await verify(browser, address);
      return userIdIn(browser);
    };
    afterAll(() => configure(BY_HAND));

    it('automatic: links, signs in, and tells the account’s owner', async () => {
      const name = nextName();
      const address = `${name}@trusted.example`;
      const userId = await verifiedUser(name, address);
      await configure(TRUSTED('automatic'));
      assertEmail(address.toUpperCase());
      acme.subject = `${name}-a`;
      expect(userIdIn(await through('acme'))).toBe(userId);
      expect((await eventsOf(userId)).at(-1)).toMatchObject({
        data: { provenance: { origin: 'automatic_by_email', proof: 'assertion' } },
      });
      await until(async () =>
        (await server.mails()).find(({ to, subject }) => to === address && subject.includes('was linked')),
      );
    });

    it('ask: the page reveals nothing of the account, which is linked when its control is proven', async () => {
      const name = nextName();
      const address = `${name}@trusted.example`;
      const userId = await verifiedUser(name, address);
      await configure(TRUSTED('ask'));
      assertEmail(address);
      acme.subject = `${name}-a`;
      const browser = await through('acme');
      expect(browser.url).toContain('/link-account/');
      expect(browser.text).not.toContain(`Name of ${name}`);
      await browser.submit({ login: name, password: PASSWORD }, '/password');
      expect(userIdIn(browser)).toBe(userId);
    });

    it.each<[string, (name: string, address: string) => Promise<void>]>([
      ['L5: an address of a domain that the provider is not trusted for', () => configure(TRUSTED('automatic', '[]'))],
      [
        'L7: an address that the provider does not say is verified',
        async (_name, address) => {
          await configure(TRUSTED('automatic'));
          assertEmail(address, false);
        },
      ],
      [
        'L7: "verified" that is no boolean',
        async (_name, address) => {
          await configure(TRUSTED('automatic'));
          assertEmail(address, 'yes');
        },
      ],
    ])('%s is not matched: another user is made', async (_title, prepare) => {
      const name = nextName();
      const address = `${name}@trusted.example`;
      const userId = await verifiedUser(name, address);
      assertEmail(address);
      await prepare(name, address);
      acme.subject = `${name}-a`;
      const browser = await through('acme');
      expect(browser.url).toBe(`${server.issuer}/account`);
      expect(userIdIn(browser)).not.toBe(userId);
    });

    it('L1: an account made in advance with the victim’s address, never proven, is not matched', async () => {
      const name = nextName();
      const address = `${name}@trusted.example`;
      const attacker = userIdIn(await register(name, address));
      await configure(TRUSTED('automatic'));
      assertEmail(address);
      acme.subject = `${name}-victim`;
      const victim = await through('acme');
      expect(userIdIn(victim)).not.toBe(attacker);
      expect(victim.text).toContain(`${address} (verified)`);
    });

    it('L15: a recycled mailbox with a new subject is not linked automatically; the earlier owner keeps the account', async () => {
      const name = nextName();
      const address = `${name}@trusted.example`;
      await configure(TRUSTED('automatic'));
      assertEmail(address);
      acme.subject = `${name}-first`;
      const first = userIdIn(await through('acme'));
      acme.subject = `${name}-second`;
      const second = await through('acme');
      expect(second.url).toContain('/link-account/');
      acme.subject = `${name}-first`;
      expect(userIdIn(await through('acme'))).toBe(first);
    });

    it('L18: an asserted username that is another user’s e-mail address is a collision, never a match', async () => {
      const name = nextName();
      const address = `${name}@trusted.example`;
      const userId = await verifiedUser(name, address);
      await configure(
        '{ creationAllowed: true, autoCreate: true, autoLink: [username], onMatch: automatic, usernameAuthoritative: true }',
      );
      acme.lies = { claims: (claims) => ({ ...claims, preferred_username: address }) };
      acme.subject = `${name}-a`;
      expect(userIdIn(await through('acme'))).not.toBe(userId);
    });

    it('L12: linking proves no address; only a mail or a trusted provider does, and the event says which', async () => {
      const name = nextName();
      const address = `${name}@trusted.example`;
      const userId = userIdIn(await register(name, address));
      await configure(BY_HAND);
      assertEmail(address);
      acme.subject = `${name}-a`;
      const browser = await through('acme');
      await browser.submit({ login: name, password: PASSWORD }, '/password');
      expect(await typesOf(userId)).not.toContain('EmailVerified');
    });

    it('L11: an address that the person edits on the way loses "verified"; the mail names who asks', async () => {
      const name = nextName();
      const victim = `${name}-victim@trusted.example`;
      await configure(`{ creationAllowed: true, autoLink: [email], emailTrustedDomains: ['*'] }`);
      assertEmail(`${name}@trusted.example`);
      acme.subject = `${name}-a`;
      const browser = await through('acme');
      await browser.submit({ email: victim }, '/create');
      expect(await typesOf(userIdIn(browser))).toEqual(['UserRegistered', 'EmailAdded', 'ExternalIdentityLinked']);
      const mail = await until(async () => (await server.mails()).find(({ to }) => to === victim));
      expect(mail.text).toMatch(/asked for from the address (127\.0\.0\.1|::1|::ffff:127\.0\.0\.1)/);
      expect(mail.subject).toContain('Test');
    });
  });

  it('L9, L10: two link intents in one browser, answered in the other order, each link their own identity to the account that began them', async () => {
    const name = nextName();
    const browser = await register(name);
    const userId = userIdIn(browser);
    const begin = async (subject: string): Promise<string> => {
      let callback = '';
      globex.subject = subject;
      globex.lies = {
        callback: (parameters) => (callback = `${server.issuer}/providers/globex/callback?${parameters}`),
      };
      const stopped = browser.clone([`${server.issuer}/providers/`]);
      await stopped.open(`${server.issuer}/account`);
      await stopped.submit({}, '/link/globex');
      return callback;
    };
    await open('/account/password', browser);
    await confirm(browser);
    const [first, second] = [await begin(`${name}-1`), await begin(`${name}-2`)];
    globex.lies = {};
    for (const [callback, subject] of [
      [second, `${name}-2`],
      [first, `${name}-1`],
    ] as const) {
      globex.subject = subject;
      await browser.open(callback);
      expect(browser.text).toContain('is linked');
    }
    expect((await typesOf(userId)).filter((type) => type === 'ExternalIdentityLinked')).toHaveLength(2);
    await browser.open(first);
    expect([browser.status, browser.text]).toEqual([400, expect.stringContaining('state_unknown')]);
  });

  it('L30: a sign-in amounts to what the provider’s policy grants, whatever the provider says of it', async () => {
    const claimsHighly = { claims: (claims: object) => ({ ...claims, acr: 'urn:example:very-high' }) };
    const acrOf = async (userId: string): Promise<unknown> => {
      const { rows } = await server.installation.pool.query<{ acr: string | null }>(
        `SELECT payload ->> 'acr' AS acr FROM provider.sessions WHERE user_id = $1 AND state = 'active' ORDER BY created_at DESC LIMIT 1`,
        [userId],
      );
      return rows[0]?.acr;
    };
    for (const granted of [null, 'urn:example:low']) {
      await configure(
        `{ creationAllowed: true, autoCreate: true${granted === null ? '' : `, grantsAcr: "${granted}"`} }`,
      );
      acme.lies = claimsHighly;
      acme.subject = nextName();
      expect(await acrOf(userIdIn(await through('acme')))).toBe(granted);
    }
    await configure(BY_HAND);
  });

  describe('L30: an account with a way in that proves more than its password', () => {
    beforeAll(() => configure(BY_HAND, '{ linkingAllowed: true, grantsAcr: "urn:example:low" }'));
    afterAll(() => configure(BY_HAND));

    const linkGlobex = async (browser: Browser, name: string): Promise<void> => {
      globex.subject = name;
      await open('/account', browser);
      await browser.submit({}, '/link/globex');
      await confirm(browser);
      await browser.submit({}, '/link/globex');
      expect(browser.text).toContain('is linked');
    };

    it('is changed after a confirmation by that one; the password confirms nothing any more, nor does an earlier confirmation by it', async () => {
      const name = nextName();
      const browser = await register(name);
      const elsewhere = await open('/account/confirm', await signIn(name));
      await linkGlobex(browser, name);
      await elsewhere.submit({ password: PASSWORD }, '/confirm/password');
      expect([elsewhere.status, elsewhere.text]).toEqual([403, expect.stringContaining('assurance_insufficient')]);
      globex.subject = `${name}-another`;
      await open('/account/password', browser);
      expect([browser.status, browser.text]).toEqual([403, expect.stringContaining('proof_failed')]);
      globex.subject = name;
      await open('/account/password', browser);
      expect([browser.url, browser.text]).toEqual([
        `${server.issuer}/account/password`,
        expect.stringContaining('Change your password'),
      ]);
    });

    it('is linked at a first sign-in when control is proven by that one, not by the password', async () => {
      const name = nextName();
      const owner = await register(name);
      await linkGlobex(owner, name);
      acme.subject = `${name}-a`;
      const browser = await through('acme');
      await browser.submit({ login: name, password: PASSWORD }, '/password');
      expect([browser.status, browser.text]).toEqual([422, expect.stringContaining('has a stronger way to sign in')]);
      await browser.submit({}, '/providers/globex');
      expect(userIdIn(browser)).toBe(userIdIn(owner));
    });

    it('is not recovered by a mail, which says what to do instead; one that was sent before recovers nothing', async () => {
      const name = nextName();
      const address = `${name}@example.org`;
      const browser = await register(name, address);
      await verify(browser, address);
      await (await open('/recovery')).submit({ email: address });
      const early = await open(await mailTo(address, '/recovery'));
      await linkGlobex(browser, name);
      await early.submit({ password: OTHER_PASSWORD });
      expect([early.status, early.text]).toEqual([403, expect.stringContaining('recovery_not_allowed')]);
      await (await open('/recovery')).submit({ email: address });
      await until(async () =>
        (await server.mails()).find(({ to, subject }) => to === address && subject.includes('how to get into')),
      );
      expect(
        (await server.mails()).filter(({ to, text }) => to === address && text.includes('/recovery/')),
      ).toHaveLength(1);
    });
  });

  it('L24: a confirmation leads back to a page of the account only', async () => {
    const browser = await register(nextName());
    for (const target of ['https://evil.example/', '//evil.example', '/account/../../evil', '/account@evil.example']) {
      await open(`/account/confirm?return=${encodeURIComponent(target)}`, browser);
      expect(browser.html).toContain('name="return" value="/account"');
    }
  });

  it('two organizations with opposite policies behave each by its own', async () => {
    const other = `
  - id: other
    displayName: Other
    loginPolicy: { password: false, registration: false }
    identityProviders:
      - { id: acme, policy: { creationAllowed: true, autoCreate: true } }
relyingParties:
${['default', 'other']
  .map(
    (id) => `  - clientId: app-${id}
    organization: ${id}
    displayName: App of ${id}
    redirectUris: ["http://127.0.0.1:1/callback"]
    grantTypes: [authorization_code]
    tokenEndpointAuthMethod: none
    applicationType: native
`,
  )
  .join('')}`;
    await server.installation.configure(`${configuration(acme.issuer, globex.issuer, BY_HAND, EVERYTHING)}${other}`);
    const authorize = async (client: string): Promise<{ readonly browser: Browser; readonly at: string }> => {
      const parameters = new URLSearchParams({
        client_id: client,
        response_type: 'code',
        redirect_uri: 'http://127.0.0.1:1/callback',
        scope: 'openid',
        code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
        code_challenge_method: 'S256',
      });
      const browser = new Browser(['http://127.0.0.1:1/']);
      return { browser, at: await browser.open(`${server.issuer}/auth?${parameters}`) };
    };
    acme.subject = nextName();
    const { browser: here } = await authorize('app-default');
    expect(here.text).toMatch(/Password.*Continue with Acme.*Create an account/);
    await here.submit({}, '/providers/acme');
    expect(here.url).toContain('/link-account/');
    const { at } = await authorize('app-other');
    expect(at).toContain('http://127.0.0.1:1/callback');
  });
});
