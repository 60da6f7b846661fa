import fc from 'fast-check';
import type { NameGiver } from '#libs/users/events.js';
import type { UserStreamEvent } from '#libs/users/state.js';
import { userStream } from '#libs/users/streams.js';
import { eventCatalog } from '#libs/event-catalog/event-catalog.js';
import type { RecordedEvent } from '#libs/event-store/recorded-event.js';
import { recorded } from './given.js';

const STEPS = [
  'profile',
  'username',
  'add_email',
  'verify_email',
  'change_email',
  'password',
  'no_password',
  'link',
  'unlink',
  'abandon',
  'grant',
  'revoke',
  'deactivate',
  'reactivate',
  'recover',
  'review',
] as const;

const GIVERS: readonly NameGiver[] = [{ by: 'self' }, { by: 'administrator' }, { by: 'provider', providerId: 'acme' }];

interface Step {
  readonly kind: (typeof STEPS)[number];
  /** Picks among what there is. */
  readonly pick: number;
  readonly name: string | undefined;
  /** How much later than the step before, in seconds; clocks of instances differ, so it may be earlier. */
  readonly later: number;
}

/** Everything that can stand in a user's stream, in an order in which commands could have put it there. */
export interface GeneratedAccount {
  readonly registered: boolean;
  readonly name: string | undefined;
  readonly steps: readonly Step[];
  readonly ending: 'none' | 'erasing' | 'erased';
}

const name = fc.option(fc.string({ minLength: 1, maxLength: 8 }), { nil: undefined, freq: 4 });

export const generatedAccount: fc.Arbitrary<GeneratedAccount> = fc.record({
  registered: fc.boolean(),
  name,
  steps: fc.array(
    fc.record({ kind: fc.constantFrom(...STEPS), pick: fc.nat(5), name, later: fc.integer({ min: -3, max: 60 }) }),
    {
      maxLength: 25,
    },
  ),
  ending: fc.constantFrom('none', 'none', 'erasing', 'erased'),
});

/** The nth id that belongs to this user alone. */
const uuidOf = (userId: string, n: number): string =>
  `${userId.slice(24, 32)}-${userId.slice(32)}-7000-8000-${n.toString(16).padStart(12, '0')}`;

const firstEvent = ({ registered, name: displayName }: GeneratedAccount): UserStreamEvent =>
  registered
    ? { type: 'UserRegistered', data: { organizationId: 'default', ...(displayName ? { displayName } : {}) } }
    : {
        type: 'UserProvisioned',
        data: {
          organizationId: 'default',
          providerId: 'acme',
          ...(displayName ? { displayName, givenName: displayName, email: `${displayName}@acme.example` } : {}),
        },
      };

/** The events of a generated account, as if stored: positions grow, times mostly do. */
export const eventsOf = (account: GeneratedAccount, userId: string): readonly RecordedEvent<UserStreamEvent>[] => {
  let made = 0;
  const fresh = (): string => uuidOf(userId, (made += 1));
  const claims: string[] = [];
  let emailId = fresh();
  const eventOf = ({ kind, pick, name: given = 'somebody' }: Step): UserStreamEvent => {
    const email = () => ({
      claimId: fresh(),
      emailKey: `mail-${given}`,
      emailId: pick % 2 === 0 ? emailId : fresh(),
      address: `${given}@example.org`,
      domain: 'example.org',
      proof: { method: 'mail_loop' } as const,
    });
    switch (kind) {
      case 'profile':
        return {
          type: 'ProfileUpdated',
          data: { displayName: given, ...(pick % 2 ? { givenName: given, familyName: given } : {}) },
        };
      case 'username':
        return {
          type: 'UsernameChanged',
          data: {
            claimId: fresh(),
            usernameKey: `name-${given}`,
            username: given,
            // None: from before it was recorded.
            ...(pick === 0 ? {} : { givenBy: GIVERS[pick % GIVERS.length] }),
          },
        };
      case 'add_email':
        emailId = fresh();
        return { type: 'EmailAdded', data: { emailId, address: `${given}@example.org` } };
      case 'verify_email':
        return { type: 'EmailVerified', data: email() };
      case 'change_email':
        return { type: 'EmailChanged', data: email() };
      case 'password':
        return { type: 'PasswordSet', data: { passwordHash: 'hash' } };
      case 'no_password':
        return { type: 'PasswordRemoved', data: {} };
      case 'link': {
        const claimId = fresh();
        claims.push(claimId);
        return {
          type: 'ExternalIdentityLinked',
          data: {
            claimId,
            providerId: pick % 2 ? 'acme' : 'globex',
            identityKey: `identity-${claimId}`,
            issuer: 'https://acme.example',
            subject: given,
            nameAtProvider: given,
            provenance: { origin: 'self_service', proof: 'assertion', policyRevision: 'p', assertionId: 'a' },
          },
        };
      }
      case 'unlink': {
        // Unlinking what was unlinked before, or was never linked, changes nothing.
        const claimId = claims[pick] ?? fresh();
        return {
          type: 'ExternalIdentityUnlinked',
          data: { claimId, providerId: 'acme', identityKey: `identity-${claimId}` },
        };
      }
      case 'abandon':
        return { type: 'ClaimAbandoned', data: { claimId: fresh() } };
      case 'grant':
        return { type: 'RoleGranted', data: { role: pick % 2 ? 'auditor' : 'admin' } };
      case 'revoke':
        return { type: 'RoleRevoked', data: { role: pick % 2 ? 'auditor' : 'admin' } };
      case 'deactivate':
        return { type: 'UserDeactivated', data: {} };
      case 'reactivate':
        return { type: 'UserReactivated', data: {} };
      case 'recover':
        // An older recovery holds nothing.
        return { type: 'AccountRecovered', data: { emailId, ...(pick === 0 ? {} : { onHold: claims.slice(-pick) }) } };
      case 'review':
        return { type: 'SignInMethodsReviewed', data: { kept: claims.slice(-pick), removed: [] } };
    }
  };
  const events: readonly (readonly [UserStreamEvent, number])[] = [
    [firstEvent(account), 0],
    ...account.steps.map((step) => [eventOf(step), step.later] as const),
    ...(account.ending === 'none' ? [] : [[{ type: 'ErasureStarted', data: {} }, 1] as const]),
    ...(account.ending === 'erased' ? [[{ type: 'UserErased', data: {} }, 1] as const] : []),
  ];
  let at = Date.UTC(2026, 2, 3, 12);
  return events.map(([event, later], i) => {
    at += later * 1_000;
    const { metadata } = recorded(event);
    return recorded(event, {
      stream: userStream(userId),
      revision: BigInt(i),
      position: BigInt((i + 1) * 64),
      metadata: { ...metadata, commandId: `command-${i}`, occurredAt: new Date(at).toISOString() },
    });
  });
};

/** The same events as they are read after their subject was erased. */
export const afterErasure = <E extends RecordedEvent>(events: readonly E[]): readonly E[] =>
  events.map((each) => {
    const personal = (eventCatalog.get(each.event.type)?.personalFields ?? []).filter(
      (field) => field in each.event.data,
    );
    const data = Object.fromEntries(Object.entries(each.event.data).filter(([field]) => !personal.includes(field)));
    return { ...each, event: { ...each.event, data }, erased: personal };
  });
