import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Browser } from '#test-support/browser.js';
import { startTestIdentityServer } from '#test-support/identity-server.js';
import type { TestIdentityServer } from '#test-support/identity-server.js';
import { startRestartableEventStore } from '#test-support/restartable-event-store.js';
import type { RestartableEventStore } from '#test-support/restartable-event-store.js';
import { until } from '#test-support/until.js';

const CONFIGURATION = `
organizations:
  - id: default
    displayName: Acme Inc
    loginPolicy: { password: true, registration: true }
    branding: { logoUrl: "https://logo.acme.example/l.png", accentColor: "#112233" }
`;

let store: RestartableEventStore;
let server: TestIdentityServer;
const person = new Browser();

beforeAll(async () => {
  store = await startRestartableEventStore();
  server = await startTestIdentityServer(store);
  await server.installation.configure(CONFIGURATION);
  await person.open(`${server.issuer}/register`);
  await person.submit({ displayName: 'Ann', username: 'ann', password: 'a horse that nobody knows' });
}, 60_000);
afterAll(() => server.stop());

const signOut = async () => {
  await person.open(`${server.issuer}/session/end`);
  return {
    status: person.status,
    asks: person.text.includes('Sign out?'),
    name: / · (.*)<\/title>/.exec(person.html)?.[1],
    logo: /<img src="([^"]*)"/.exec(person.html)?.[1],
    policy: /img-src [^;]*/.exec(person.headers.get('content-security-policy') ?? '')?.[0],
  };
};
const ASKS = { status: 200, asks: true };
const ACME = {
  ...ASKS,
  name: 'Acme Inc',
  logo: 'https://logo.acme.example/l.png',
  policy: 'img-src https://logo.acme.example',
};

it('the question whether to sign out has the look that the organization has in the event store', async () => {
  expect(await signOut()).toEqual(ACME);
});

it('E3: while the event store is away it is asked all the same, without a look; and with it as soon as it is back', async () => {
  await store.goAway();
  expect(await signOut()).toEqual({ ...ASKS, name: 'Ligature', logo: undefined, policy: undefined });
  await store.comeBack();
  await until(async () => ((await signOut()).name === ACME.name ? true : undefined));
  expect(await signOut()).toEqual(ACME);
}, 30_000);
