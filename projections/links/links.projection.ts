import type { AccountEvent } from '#libs/users/events.js';
import type { EventOf } from '#libs/event-store/event-definition.js';
import type { RecordedEvent } from '#libs/event-store/recorded-event.js';
import { idOf } from '#libs/event-store/stream-name.js';
import type { LinkEvent } from '#libs/users/link-events.js';
import type { externalIdentityLinked } from '#libs/users/link-events.js';
import { textArray } from '#libs/platform/postgres/text-array.js';
import type { Projection } from '#libs/projection-engine/projection.js';
import type { ActivityEvent } from '#libs/sign-in/events.js';

type Linked = RecordedEvent<EventOf<typeof externalIdentityLinked>>;

/**
 * What a batch comes to, per claim id: a claim id is linked once and unlinked once, so order within a batch is kept by
 * looking up.
 */
interface Changes {
  readonly linked: Map<string, Linked>;
  readonly unlinked: Set<string>;
  readonly lastUsed: Map<string, string>;
  /** The last word on whether a link is on hold. */
  readonly onHold: Map<string, boolean>;
  /** Users who are being erased: their links go, and none follows. */
  readonly erased: Set<string>;
}

const changesOf = (batch: readonly RecordedEvent[]): Changes => {
  const changes: Changes = {
    linked: new Map(),
    unlinked: new Set(),
    lastUsed: new Map(),
    onHold: new Map(),
    erased: new Set(),
  };
  for (const recorded of batch) {
    const event = recorded.event as LinkEvent | ActivityEvent | AccountEvent;
    switch (event.type) {
      case 'ExternalIdentityLinked':
        changes.linked.set(event.data.claimId, recorded as Linked);
        break;
      case 'ExternalIdentityUnlinked':
        changes.unlinked.add(event.data.claimId);
        break;
      case 'AccountRecovered':
        for (const claimId of event.data.onHold ?? []) changes.onHold.set(claimId, true);
        break;
      case 'SignInMethodsReviewed':
        for (const claimId of event.data.kept) changes.onHold.set(claimId, false);
        break;
      case 'ErasureStarted':
        changes.erased.add(idOf(recorded.stream));
        break;
      case 'LoginSucceeded':
        if (event.data.claimId !== undefined) changes.lastUsed.set(event.data.claimId, recorded.metadata.occurredAt);
        break;
      default:
        break;
    }
  }
  return changes;
};

/**
 * Which external identities are linked to which user: one row for each live link. It signs the user in unless it is on
 * hold since a recovery.
 */
export const linksProjection: Projection = {
  name: 'links',
  version: 2,
  streamPrefixes: ['user-', 'userActivity-'],
  events: {
    ExternalIdentityLinked: 'whole',
    ExternalIdentityUnlinked: 'plain',
    AccountRecovered: 'plain',
    SignInMethodsReviewed: 'plain',
    ErasureStarted: 'plain',
    LoginSucceeded: 'plain',
  },
  tables: [
    {
      name: 'links',
      columns: `
        claim_id uuid PRIMARY KEY,
        user_id uuid NOT NULL,
        provider_id text NOT NULL,
        issuer text NOT NULL,
        subject text,
        name_at_provider text,
        origin text NOT NULL,
        linked_at timestamptz NOT NULL,
        last_used_at timestamptz,
        on_hold boolean NOT NULL DEFAULT false`,
      personal: { subject: 'user_id', columns: ['subject', 'name_at_provider'] },
      indexes: ['(user_id)', '(provider_id, linked_at)'],
    },
  ],
  handle: async (batch, db, schema) => {
    const { linked, unlinked, lastUsed, onHold, erased } = changesOf(batch);
    if (linked.size > 0) {
      const rows = [...linked.values()];
      const column = (of: (recorded: Linked) => string | undefined) =>
        textArray(rows.map((recorded) => of(recorded) ?? null));
      await db.query(
        `INSERT INTO ${schema}.links (claim_id, user_id, provider_id, issuer, subject, name_at_provider, origin, linked_at)
         SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[])
         ON CONFLICT (claim_id) DO NOTHING`,
        [
          column(({ event }) => event.data.claimId),
          column(({ stream }) => idOf(stream)),
          column(({ event }) => event.data.providerId),
          column(({ event }) => event.data.issuer),
          column(({ event }) => event.data.subject),
          column(({ event }) => event.data.nameAtProvider),
          column(({ event }) => event.data.provenance.origin),
          column(({ metadata }) => metadata.occurredAt),
        ],
      );
    }
    if (lastUsed.size > 0) {
      await db.query(
        `UPDATE ${schema}.links SET last_used_at = used.at FROM unnest($1::uuid[], $2::timestamptz[]) AS used (claim_id, at)
         WHERE links.claim_id = used.claim_id`,
        [textArray([...lastUsed.keys()]), textArray([...lastUsed.values()])],
      );
    }
    if (onHold.size > 0) {
      await db.query(
        `UPDATE ${schema}.links SET on_hold = told.held FROM unnest($1::uuid[], $2::boolean[]) AS told (claim_id, held)
         WHERE links.claim_id = told.claim_id`,
        [textArray([...onHold.keys()]), [...onHold.values()]],
      );
    }
    if (unlinked.size > 0) await db.query(`DELETE FROM ${schema}.links WHERE claim_id = ANY($1)`, [[...unlinked]]);
    if (erased.size > 0) await db.query(`DELETE FROM ${schema}.links WHERE user_id = ANY($1)`, [[...erased]]);
  },
};
