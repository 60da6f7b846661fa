import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { userStream } from '#libs/accounts/streams.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import type { RecordedEvent } from '#libs/event-store/recorded-event.js';
import { newUuid } from '#libs/platform/ids.js';
import { EVERYTHING_ALLOWED, startTestInstallation, testAssertion, testContext } from '#test-support/installation.js';
import type { TestInstallation } from '#test-support/installation.js';
import { accountFold, exists } from '#libs/accounts/state.js';
import type { Account, UserStreamEvent } from '#libs/accounts/state.js';
import { claimFold } from '#libs/claims/claim.js';
import type { Claim } from '#libs/claims/claim.js';
import type { ClaimEvent } from '../events.js';
import { externalIdentityKey } from '../external-identity.js';
import type { FlowFacts } from '../login-via-idp.js';
import { externalIdentityStream } from '../streams.js';
import { loginViaIdp } from './login-via-idp.js';
import { LoginViaIdp } from './login-via-idp.command.js';
import type { LoginResult } from './login-via-idp.command.js';
import { UnlinkExternalIdentity } from './unlink-external-identity.command.js';
import { unlinkExternalIdentity } from './unlink-external-identity.js';

/** Contested identities; and two people, each with an identity of their own (the last two). */
const CONTESTED = 3;
const PEOPLE = 2;
/** Claims are waited for in a fiftieth of the time, so that some are abandoned under the feet of their slow owners. */
const began = Date.now();
const fastClock = (): Date => new Date(began + (Date.now() - began) * 50);

let installation: TestInstallation;
beforeAll(async () => {
  installation = await startTestInstallation();
  await installation.configure(EVERYTHING_ALLOWED);
});
afterAll(() => installation.stop());

class Crash extends Error {}

/** Longer than a claim may stay unsettled by the fast clock, so that others take it for dead. */
const STALL_MS = 150;

/** What happens to a process before its append number `appends` + 1: it ends, or it stands still for longer than a claim's lifetime. */
interface Fate {
  readonly happens: 'dies' | 'stalls';
  readonly appends: number;
}

const processWith = (fate: Fate | null): TestInstallation => {
  let made = 0;
  const { store } = installation;
  const mortal = {
    read: store.read.bind(store),
    append: async (request: Parameters<EventStore['append']>[0]) => {
      if (fate?.happens === 'dies' && made >= fate.appends) throw new Crash();
      if (fate?.happens === 'stalls' && made === fate.appends) await delay(STALL_MS);
      made += 1;
      return store.append(request);
    },
  } as unknown as EventStore;
  return { ...installation, store: mortal, clock: fastClock };
};

type Action = { readonly who: number; readonly identity: number; readonly fate: Fate | null } & {
  readonly kind: 'sign_in' | 'link' | 'unlink';
};

const action: fc.Arbitrary<Action> = fc.record({
  kind: fc.constantFrom('sign_in', 'link', 'unlink'),
  who: fc.nat(PEOPLE - 1),
  identity: fc.nat(CONTESTED + PEOPLE - 1),
  fate: fc.option(fc.record({ happens: fc.constantFrom('dies', 'stalls'), appends: fc.nat(3) }), { freq: 4 }),
});

const assertionOf = (run: string, identity: number) => testAssertion(`${run}-${identity}`);
const keyOf = (run: string, identity: number): string =>
  externalIdentityKey(installation.indexKeys, { organizationId: 'default', ...assertionOf(run, identity) });

const login = (process: TestInstallation, run: string, identity: number, flow: FlowFacts = { kind: 'sign_in' }): Promise<LoginResult> =>
  loginViaIdp(process, new LoginViaIdp(assertionOf(run, identity), { ...flow, organizationId: 'default' }, testContext()));

const carryOut = async (run: string, people: readonly string[], { kind, who, identity, fate }: Action): Promise<void> => {
  const process = processWith(fate);
  const userId = people[who] as string;
  if (kind === 'sign_in') await login(process, run, identity);
  if (kind === 'link') await login(process, run, identity, { kind: 'link', userId, valid: true });
  if (kind === 'unlink') {
    const events = (await installation.store.read(userStream(userId))) as readonly RecordedEvent<UserStreamEvent>[];
    const { links } = events.reduce((state, recorded) => accountFold.evolve(state, recorded.event, recorded), accountFold.initial);
    const link = links.find(({ identityKey }) => identityKey === keyOf(run, identity));
    if (!link) return;
    await unlinkExternalIdentity(
      { ...process, carryOutRevocations: () => Promise.resolve() },
      new UnlinkExternalIdentity(userId, 'default', link.claimId, testContext()),
    );
  }
};

/** All at once; nothing but a crash may go wrong. */
const together = async (run: string, people: readonly string[], actions: readonly Action[]): Promise<void> => {
  const settled = await Promise.allSettled(actions.map((one) => carryOut(run, people, one)));
  for (const one of settled) if (one.status === 'rejected' && !(one.reason instanceof Crash)) throw one.reason;
};

/** Goes through everything that was stored, in the order in which it was, and checks the invariants after each event. */
const checkEveryMoment = async (run: string, people: readonly string[]): Promise<void> => {
  const keys = Array.from({ length: CONTESTED + PEOPLE }, (_, identity) => keyOf(run, identity));
  const ofIdentities = (
    await Promise.all(keys.map((key) => installation.store.read(externalIdentityStream(key))))
  ).flat() as RecordedEvent<ClaimEvent>[];
  const owners = ofIdentities.flatMap(({ event }) => (event.type === 'ExternalIdentityClaimed' ? [event.data.ownerId] : []));
  const users = [...new Set([...people, ...owners])];
  const ofUsers = (
    await Promise.all(users.map((userId) => installation.store.read(userStream(userId))))
  ).flat() as RecordedEvent<UserStreamEvent>[];
  const claims = new Map<string, Claim | undefined>();
  const states = new Map<string, Account>();
  const inOrder = [...ofIdentities, ...ofUsers].sort((a, b) => (a.position < b.position ? -1 : 1));
  for (const [i, recorded] of inOrder.entries()) {
    const { stream } = recorded;
    if (stream.startsWith('externalIdentity-')) {
      const claim = recorded as RecordedEvent<ClaimEvent>;
      claims.set(stream, claimFold.evolve(claims.get(stream), claim.event, claim));
    } else {
      const user = recorded as RecordedEvent<UserStreamEvent>;
      states.set(stream, accountFold.evolve(states.get(stream) ?? accountFold.initial, user.event, user));
    }
    const links = [...states].flatMap(([owner, state]) => state.links.map((link) => ({ owner, ...link })));
    // Invariant 1.
    expect(new Set(links.map(({ identityKey }) => identityKey)).size).toBe(links.length);
    // No live link without its claim.
    for (const { identityKey, claimId, owner } of links) {
      const claim = claims.get(externalIdentityStream(identityKey));
      expect([claim?.claimId, claim && userStream(claim.ownerId)]).toEqual([claimId, owner]);
    }
    // Invariant 2; the link of a new user is the second event of its batch.
    const nextInBatch = inOrder[i + 1]?.stream === stream && recorded.event.type === 'UserProvisioned';
    if (!nextInBatch) for (const state of states.values()) if (exists(state)) expect(state.links.length).toBeGreaterThan(0);
  }
};

/** What has to be tried in every run, whatever chance says: a slow claimer against each kind of rival. */
const slowly = (kind: Action['kind']): Action => ({ kind, who: 0, identity: 0, fate: { happens: 'stalls', appends: 1 } });
const rival = (kind: Action['kind'], fate: Fate | null = null): Action => ({ kind, who: 1, identity: 0, fate });
const always: [Action[][]][] = [
  [[[slowly('sign_in'), rival('sign_in')]]],
  [[[slowly('link'), rival('sign_in')]]],
  [[[slowly('sign_in'), rival('link')]]],
  [[[slowly('link'), rival('link')]]],
  [[[rival('sign_in', { happens: 'dies', appends: 1 })], [rival('link')], [slowly('unlink'), rival('unlink'), rival('sign_in')]]],
];

describe('sign-ins, links and unlinks at once, with processes that die or stand still between any two appends', () => {
  it('invariants 1 and 2 hold at every moment, no link lacks its claim, and one more sign-in always comes to an end', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(action, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 3 }), async (rounds) => {
        const run = newUuid();
        const people: string[] = [];
        for (let person = 0; person < PEOPLE; person += 1) {
          const { outcome } = await login({ ...installation, clock: fastClock }, run, CONTESTED + person);
          if (outcome.kind !== 'provisioned') throw new Error(outcome.kind);
          people.push(outcome.userId);
        }
        for (const actions of rounds) await together(run, people, actions);
        await checkEveryMoment(run, people);
        for (let identity = 0; identity < CONTESTED + PEOPLE; identity += 1) {
          const process = { ...installation, clock: fastClock };
          const { outcome: first } = await login(process, run, identity);
          const { outcome: second } = await login(process, run, identity);
          if (!('userId' in first)) throw new Error(`the sign-in was refused: ${JSON.stringify(first)}`);
          expect(second).toMatchObject({ kind: 'sign_in', userId: first.userId });
        }
        await checkEveryMoment(run, people);
      }),
      { examples: always, numRuns: 40, endOnFailure: true, interruptAfterTimeLimit: 60_000, markInterruptAsFailure: false },
    );
  }, 90_000);
});
