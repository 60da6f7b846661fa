import { describe, expect, it } from '@jest/globals';
import { given } from '#test-support/given.js';
import { decideAnnounceRestriction, decideCancelRestriction, decideOrganization } from './decide.js';
import type { OrganizationOutcome } from './decide.js';
import type { OrganizationEvent, Restriction } from './events.js';
import { organizationSettingsSchema } from './settings.js';
import type { OrganizationSettings } from './settings.js';
import { organizationFold } from './state.js';

const settings = (over: object = {}): OrganizationSettings =>
  organizationSettingsSchema.parse({
    id: 'default',
    displayName: 'Test',
    loginPolicy: { password: true, recovery: true },
    identityProviders: [{ id: 'acme' }, { id: 'globex' }],
    ...over,
  });
const everything = settings();
const noPassword = settings({ loginPolicy: { password: false, recovery: true } });
const created = decideOrganization(organizationFold.initial, everything).events;
const announced = (restriction: Restriction): OrganizationEvent => ({
  type: 'RestrictionAnnounced',
  data: { restriction },
});
const PASSWORD: Restriction = { methods: ['password'], providers: [] };
/** When the events of `given` were stored. */
const THEN = new Date('2026-03-03T12:00:00.000Z');
const counted = (peopleWithoutWayIn: number, force = false, announcedAt = THEN) => ({
  announcedAt,
  peopleWithoutWayIn,
  force,
});
const DONE: OrganizationOutcome = { kind: 'done' };
const REFUSED: OrganizationOutcome = { kind: 'refused', code: 'restriction_not_announced' };
const passwordGone: OrganizationEvent = { type: 'LoginPolicyChanged', data: { policy: noPassword.loginPolicy } };

describe('settings that take ways in away', () => {
  it.each<[string, OrganizationSettings, Restriction]>([
    ['passwords', noPassword, PASSWORD],
    ['recovery', settings({ loginPolicy: { password: true } }), { methods: ['recovery'], providers: [] }],
    [
      'external sign-in',
      settings({ loginPolicy: { password: true, recovery: true, externalSignIn: false } }),
      { methods: ['external_sign_in'], providers: [] },
    ],
    [
      'a provider that is no longer offered',
      settings({ identityProviders: [{ id: 'globex' }] }),
      { methods: [], providers: ['acme'] },
    ],
    [
      'all of it',
      settings({ loginPolicy: { externalSignIn: false }, identityProviders: [] }),
      { methods: ['password', 'recovery', 'external_sign_in'], providers: ['acme', 'globex'] },
    ],
  ])('are announced first: %s', (_, declared, restriction) => {
    given(organizationFold, created)
      .when((state) => decideAnnounceRestriction(state, declared))
      .then([announced(restriction)], DONE);
    given(organizationFold, created)
      .when((state) => decideOrganization(state, declared))
      .then([], REFUSED);
  });

  it('are not, where they take nothing away or there is nobody yet', () => {
    const more = settings({
      loginPolicy: { password: true, recovery: true, registration: true, sessionLifetimeS: 300 },
    });
    given(organizationFold, created)
      .when((state) => decideAnnounceRestriction(state, more))
      .then([], DONE);
    given(organizationFold, [])
      .when((state) => decideAnnounceRestriction(state, settings({ loginPolicy: { externalSignIn: false } })))
      .then([], DONE);
  });

  it('are announced once; another restriction is announced anew', () => {
    given(organizationFold, [...created, announced(PASSWORD)])
      .when((state) => decideAnnounceRestriction(state, noPassword))
      .then([], DONE);
    given(organizationFold, [...created, announced({ methods: [], providers: ['acme'] })])
      .when((state) => decideAnnounceRestriction(state, noPassword))
      .then([announced(PASSWORD)], DONE);
  });

  it('are committed with the count, in one append, when nobody would lose their last way in', () => {
    given(organizationFold, [...created, announced(PASSWORD)])
      .when((state) => decideOrganization(state, noPassword, counted(0)))
      .then([{ type: 'RestrictionCommitted', data: { peopleWithoutWayIn: 0 } }, passwordGone], DONE);
  });

  it('are refused while somebody would, unless somebody insists', () => {
    given(organizationFold, [...created, announced(PASSWORD)])
      .when((state) => decideOrganization(state, noPassword, counted(3)))
      .then([], { kind: 'refused', code: 'people_would_lose_their_last_way_in' });
    given(organizationFold, [...created, announced(PASSWORD)])
      .when((state) => decideOrganization(state, noPassword, counted(3, true)))
      .then([{ type: 'RestrictionCommitted', data: { peopleWithoutWayIn: 3 } }, passwordGone], DONE);
  });

  it.each<[string, readonly OrganizationEvent[], Date]>([
    ['that was cancelled', [announced(PASSWORD), { type: 'RestrictionCancelled', data: {} }], THEN],
    ['of another time', [announced(PASSWORD)], new Date(0)],
    ['of something else', [announced({ methods: ['recovery'], providers: [] })], THEN],
  ])('are not committed by a count for an announcement %s, not even by force', (_, events, at) => {
    given(organizationFold, [...created, ...events])
      .when((state) => decideOrganization(state, noPassword, counted(0, true, at)))
      .then([], REFUSED);
  });

  it('stay as they are when the file takes nothing away any more, or when they are cancelled', () => {
    const cancelled: OrganizationEvent = { type: 'RestrictionCancelled', data: {} };
    given(organizationFold, [...created, announced(PASSWORD)])
      .when((state) => decideOrganization(state, everything))
      .then([cancelled], DONE);
    given(organizationFold, [...created, announced(PASSWORD)])
      .when(decideCancelRestriction)
      .then([cancelled], DONE);
    given(organizationFold, created).when(decideCancelRestriction).then([], DONE);
    expect(created).not.toContainEqual(cancelled);
  });
});
