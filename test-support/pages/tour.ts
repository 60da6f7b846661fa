import type { PageInstallation } from './page-installation.js';
import { Person } from './person.js';
import { OUTBOX_TOKEN } from '../identity-server.js';

const PHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1';

const RECOVERED = 'another horse that nobody knows';

/** A page in a state that people meet. */
export interface Stop {
  /** As a file name. */
  readonly name: string;
  readonly go: (person: Person, installation: PageInstallation) => Promise<void>;
}

/** Every page, in an order that one person could meet them in: the steps build on each other. */
export const TOUR: readonly Stop[] = [
  { name: 'sign-in', go: (person) => person.open('/sign-in') },
  {
    name: 'sign-in-for-an-app',
    go: (person, { app }) => person.open(app.authorization(person.issuer, 'app-default')),
  },
  { name: 'sign-in-refused', go: (person) => person.signIn('ada', 'not her password') },
  {
    name: 'sign-in-german',
    go: (person, { app }) => person.open(app.authorization(person.issuer, 'app-default', { ui_locales: 'de' })),
  },
  {
    name: 'sign-in-anew',
    go: (person, { app }) => person.open(app.authorization(person.issuer, 'app-backup', { prompt: 'login' })),
  },
  {
    name: 'provider-down',
    go: (person, { app }) => person.open(app.authorization(person.issuer, 'app-initech-umbrella')),
  },
  { name: 'sign-in-branded', go: (person) => person.open('/o/initech/sign-in?choose') },
  { name: 'register', go: (person) => person.open('/register') },
  {
    name: 'register-refused',
    go: (person) =>
      person.register({ displayName: 'Ada Lovelace', username: 'a b', email: 'ada@example', password: 'short' }),
  },
  { name: 'recovery', go: (person) => person.open('/recovery') },
  {
    name: 'recovery-sent',
    go: async (person) => {
      await person.fill({ email: 'ada@example.org' });
      await person.click('Send the mail');
    },
  },
  { name: 'verification-again', go: (person) => person.open('/verification?organization=mailers') },
  {
    name: 'account',
    go: async (person, { acme, globex }) => {
      await person.register({ displayName: 'Ada Lovelace', username: 'ada', email: 'ada@example.org' });
      for (const [name, provider] of Object.entries({ Acme: acme, Globex: globex })) {
        provider.subject = 'ada';
        await person.link(name);
      }
    },
  },
  {
    name: 'verify-email',
    go: async (person) => person.open(await person.mailedPath('ada@example.org', '/verify-email')),
  },
  {
    name: 'account-email-verified',
    go: (person) => person.click('Yes, it is mine'),
  },
  { name: 'account-name', go: (person) => person.open('/account/name') },
  { name: 'account-username', go: (person) => person.open('/account/username') },
  { name: 'account-email', go: (person) => person.open('/account/email') },
  { name: 'account-password', go: (person) => person.open('/account/password') },
  {
    name: 'account-password-refused',
    go: async (person) => {
      await person.fill({ password: 'ada' });
      await person.click('Set the password');
    },
  },
  {
    name: 'account-unlink',
    go: async (person) => {
      await person.open('/account');
      const [action] = await person.page
        .locator('form[action$="/unlink"]')
        .evaluateAll((forms) => forms.map((form) => form.getAttribute('action')));
      await person.open(action ?? '');
    },
  },
  { name: 'account-link', go: (person) => person.open('/account/identities/link/globex') },
  {
    name: 'account-sessions',
    go: async (person, installation) => {
      const { app } = installation;
      await person.open(app.authorization(person.issuer, 'app-default'));
      const phone = await person.context.browser()?.newContext({ javaScriptEnabled: false, userAgent: PHONE });
      if (phone) await new Person(await phone.newPage(), phone, installation).signIn('ada');
      await phone?.close();
      await person.open('/account/sessions');
    },
  },
  { name: 'consent', go: (person, { app }) => person.open(app.authorization(person.issuer, 'app-consent')) },
  { name: 'device-code', go: (person) => person.open('/device') },
  {
    name: 'device-confirm',
    go: async (person) => {
      const begun = await fetch(`${person.issuer}/device/auth`, {
        method: 'POST',
        body: new URLSearchParams({ client_id: 'television', scope: 'openid profile' }),
      });
      const { user_code: code } = (await begun.json()) as { user_code: string };
      await person.fill({ user_code: code });
      await person.click('Continue');
    },
  },
  { name: 'account-history', go: (person) => person.open('/account/history') },
  {
    name: 'link-refused',
    go: async (person, { acme }) => {
      acme.subject = 'somebody-else';
      await person.open('/account/identities/link/nonesuch');
    },
  },
  { name: 'sign-out-of-apps', go: (person) => person.open('/session/end') },
  {
    name: 'signed-out-of-apps',
    go: async (person) => {
      await person.click('Sign out');
    },
  },
  {
    name: 'choose',
    go: async (person, { globex }) => {
      globex.subject = 'grace';
      await person.open('/sign-in');
      await person.click('Continue with Globex');
    },
  },
  {
    name: 'account-confirm',
    go: async (person) => {
      await person.signIn('ada');
      await person.open('/account/password');
    },
  },
  {
    name: 'signed-out',
    go: async (person) => {
      await person.open('/account');
      await person.click('Sign out');
    },
  },
  {
    name: 'new-password',
    go: async (person) => {
      await person.open('/recovery');
      await person.fill({ email: 'ada@example.org' });
      await person.click('Send the mail');
      await person.open(await person.mailedPath('ada@example.org', '/recovery'));
    },
  },
  {
    name: 'review',
    go: async (person, { globex }) => {
      await person.register({ displayName: 'Hedy Lamarr', username: 'hedy', email: 'hedy@example.org' });
      await person.open(await person.mailedPath('hedy@example.org', '/verify-email'));
      await person.click('Yes, it is mine');
      globex.subject = 'hedy';
      await person.link('Globex');
      await person.recover('hedy@example.org', RECOVERED);
      await person.signIn('hedy', RECOVERED);
    },
  },
  {
    name: 'verify-email-by-password',
    go: async (person) => {
      await person.register({ displayName: 'Grace Hopper', email: 'grace@example.org' }, '/o/mailers/register');
      await person.loseSession();
      await person.open(await person.mailedPath('grace@example.org', '/verify-email'));
    },
  },
  { name: 'protocol-error', go: (person) => person.open('/auth?client_id=nobody') },
  { name: 'not-found', go: (person) => person.open('/nothing/here') },
  { name: 'outbox', go: (person) => person.open(`/dev/outbox?token=${OUTBOX_TOKEN}`) },
];
