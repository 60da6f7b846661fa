import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { accountFold, methodsOnHold } from '#libs/users/state.js';
import type { UserStreamEvent } from '#libs/users/state.js';
import type { RecordedEvent } from '#libs/event-store/recorded-event.js';
import { afterErasure, eventsOf, generatedAccount } from '#test-support/generated-account.js';
import { accountAsOf } from './account-as-of.js';
import { differencesBetween } from './difference.js';
import { prefixAsOf } from './moment.js';

const ANN = '00000000-0000-7000-8000-00000000000a';
const PERSONAL = ['displayName', 'givenName', 'familyName', 'username', 'address', 'subject', 'nameAtProvider'];
type Events = readonly RecordedEvent<UserStreamEvent>[];

describe('as of a moment', () => {
  it('is the fold of exactly that prefix: by every position, those between two events included, whatever the history', () =>
    fc.assert(
      fc.property(generatedAccount, (generated) => {
        const events = eventsOf(generated, ANN);
        expect(prefixAsOf(events, { position: 0n })).toEqual([]);
        for (const [i, { position }] of events.entries()) {
          const prefix = events.slice(0, i + 1);
          for (const at of [position, position + 1n, position + 63n])
            expect(prefixAsOf(events, { position: at })).toEqual(prefix);
          expect(accountAsOf(prefixAsOf(events, { position }))).toEqual(accountAsOf(prefix));
        }
      }),
    ));

  it('by a time it is the prefix that ends at the last event not later, also where clocks ran apart', () =>
    fc.assert(
      fc.property(generatedAccount, fc.integer({ min: -10, max: 900 }), (generated, seconds) => {
        const events = eventsOf(generated, ANN);
        const time = new Date(Date.UTC(2026, 2, 3, 12, 0, seconds));
        let expected: Events = [];
        for (const [i, { metadata }] of events.entries())
          if (new Date(metadata.occurredAt) <= time) expected = events.slice(0, i + 1);
        expect(prefixAsOf(events, { time })).toEqual(expected);
      }),
    ));

  it('shows what the account’s one fold, from which decisions are made, says of every prefix', () =>
    fc.assert(
      fc.property(generatedAccount, (generated) => {
        const events = eventsOf(generated, ANN);
        for (let length = 0; length <= events.length; length += 1) {
          const prefix = events.slice(0, length);
          const account = prefix.reduce(
            (state, each) => accountFold.evolve(state, each.event, each),
            accountFold.initial,
          );
          const shown = accountAsOf(prefix);
          const isReleased = account.status === 'erasing' || account.status === 'erased';
          expect(shown).toMatchObject({
            status: account.status,
            organizationId: account.organizationId ?? null,
            profile: { displayName: account.displayName ?? null },
            username: account.username?.username ?? null,
            // L31: with who gave it.
            usernameGivenBy: account.username?.givenBy ?? null,
          });
          // L32: with what is on hold, which is no credential.
          expect(shown.links.map(({ claimId, onHold }) => [claimId, onHold])).toEqual(
            isReleased ? [] : account.links.map(({ claimId, standing }) => [claimId, standing === 'on_hold']),
          );
          expect(shown.credentials.some(({ kind }) => kind === 'password')).toBe(
            !isReleased && account.passwordHash !== undefined,
          );
          expect(new Set(shown.roles.map(({ role }) => role))).toEqual(account.roles);
          expect(shown.emails.find(({ verified }) => verified)?.address).toEqual(account.verifiedEmail?.address);
          expect(shown.emails.find(({ verified, assertedBy }) => !verified && assertedBy === null)?.address).toEqual(
            account.unverifiedEmail?.address,
          );
          expect(shown.credentials.filter(({ kind }) => kind === 'external_identity')).toHaveLength(
            isReleased ? 0 : account.links.length - methodsOnHold(account).length,
          );
          expect(JSON.stringify(shown)).not.toContain('hash');
        }
      }),
    ));

  it('reads "erased" where a value was, after an erasure; what is not personal stays', () =>
    fc.assert(
      fc.property(generatedAccount, (generated) => {
        const events = eventsOf(generated, ANN);
        const expected = JSON.stringify(accountAsOf(events), (name, value: unknown) =>
          PERSONAL.includes(name) && value !== null ? 'erased' : value,
        );
        expect(JSON.stringify(accountAsOf(afterErasure(events)))).toBe(expected);
      }),
    ));
});

describe('the difference between two moments', () => {
  it('between a moment and itself is nothing', () =>
    fc.assert(
      fc.property(generatedAccount, (generated) => {
        const account = accountAsOf(eventsOf(generated, ANN));
        expect(differencesBetween(account, account)).toEqual([]);
      }),
    ));

  it('one way is the other way turned around; and there is one exactly where the accounts are not the same', () =>
    fc.assert(
      fc.property(generatedAccount, fc.nat(25), (generated, at) => {
        const events = eventsOf(generated, ANN);
        const [before, after] = [accountAsOf(events.slice(0, at)), accountAsOf(events)];
        const there = differencesBetween(before, after);
        const back = differencesBetween(after, before).map((each) => ({
          part: each.part,
          before: each.after,
          after: each.before,
        }));
        expect(new Map(there.map((each) => [each.part, each]))).toEqual(new Map(back.map((each) => [each.part, each])));
        expect(there.length === 0).toBe(JSON.stringify(before) === JSON.stringify(after));
      }),
    ));

  it('names each part once, with what it was and what it became', () => {
    const events = eventsOf(
      {
        registered: true,
        name: 'Ann',
        steps: [
          { kind: 'username', pick: 0, name: 'ann', later: 1 },
          { kind: 'link', pick: 0, name: 'ann', later: 1 },
          { kind: 'password', pick: 0, name: undefined, later: 1 },
          { kind: 'username', pick: 0, name: 'anna', later: 1 },
          { kind: 'unlink', pick: 0, name: undefined, later: 1 },
          { kind: 'grant', pick: 1, name: undefined, later: 1 },
          { kind: 'password', pick: 0, name: undefined, later: 1 },
        ],
        ending: 'none',
      },
      ANN,
    );
    const link = accountAsOf(events.slice(0, 4)).links[0];
    expect(differencesBetween(accountAsOf(events.slice(0, 4)), accountAsOf(events))).toEqual([
      { part: 'username', before: 'ann', after: 'anna' },
      { part: `links.${link?.claimId}`, before: link, after: null },
      {
        part: 'credentials.password',
        before: { since: { position: '256', occurredAt: '2026-03-03T12:00:03.000Z' } },
        after: { since: { position: '512', occurredAt: '2026-03-03T12:00:07.000Z' } },
      },
      {
        part: 'roles.auditor',
        before: null,
        after: { since: { position: '448', occurredAt: '2026-03-03T12:00:06.000Z' } },
      },
    ]);
  });
});
