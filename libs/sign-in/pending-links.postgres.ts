import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { VerifiedAssertion } from '#libs/identity-providers/verified-assertion.js';
import type { Clock } from '#libs/platform/clock.js';
import type { Migration } from '#libs/platform/postgres/migrations.js';
import type { Queryable } from '#libs/platform/postgres/pool.js';
import { open, seal } from '#libs/privacy/sealed.js';

export const pendingLinkMigrations: readonly Migration[] = [
  {
    name: 'sign-in/pending-links',
    sql: `CREATE TABLE provider.pending_links (
      id_hash bytea PRIMARY KEY,
      browser_hash bytea NOT NULL,
      identity_key text NOT NULL,
      sealed bytea NOT NULL,
      expires_at timestamptz NOT NULL
    );
    CREATE INDEX pending_links_of_identity ON provider.pending_links (identity_key);
    CREATE INDEX pending_links_expiry ON provider.pending_links (expires_at)`,
  },
];

/**
 * A proven external identity that waits for a person to choose what becomes of it (rows 3, 3′ and 5). Bound to the
 * browser, the organization, the provider, the issuer and the subject; used once, short-lived, and dead when the
 * identity is linked by any path (L9, L11, L13).
 */
export interface PendingLink {
  readonly assertion: VerifiedAssertion;
  readonly identityKey: string;
  readonly organizationId: string;
  readonly interactionUid: string | undefined;
  /** Whom the policy's match found; for the link that may follow, never for the page (L25). */
  readonly candidateId: string | undefined;
  readonly mayCreate: boolean;
  readonly mayLink: boolean;
  readonly row: string;
  readonly policyRevision: string;
}

export interface PendingLinks {
  /** @returns the id, for the page's address */
  create(pending: PendingLink, browserId: string): Promise<string>;
  find(id: unknown, browserId: string | undefined): Promise<PendingLink | undefined>;
  /** Uses it up; only one caller ever gets it, and all others of the same identity die with it. */
  consume(id: unknown, browserId: string | undefined): Promise<PendingLink | undefined>;
  /** The identity was linked, or unlinked, by another path. */
  discardOf(identityKey: string): Promise<void>;
  removeExpired(): Promise<void>;
}

const LIFETIME_MS = 15 * 60_000;
const shape = /^[A-Za-z0-9_-]{43}$/;
const hash = (value: string): Buffer => createHash('sha256').update(value).digest();

const storedSchema = z.object({ assertion: z.looseObject({ authTime: z.coerce.date().optional() }) }).loose();

/** @param masterKey seals what the provider asserted while it waits */
export const postgresPendingLinks = (db: Queryable, masterKey: Buffer, clock: Clock): PendingLinks => {
  const context = (id: string): readonly string[] => ['pending-link', id];
  const opened = (id: string, sealed: Buffer | undefined): PendingLink | undefined => {
    if (!sealed) return undefined;
    try {
      return storedSchema.parse(
        JSON.parse(open(masterKey, sealed, context(id)).toString('utf8')),
      ) as unknown as PendingLink;
    } catch {
      // Sealed under a master key that was rotated away since: the person begins again.
      return undefined;
    }
  };
  const known = (id: unknown, browserId: string | undefined): id is string =>
    typeof id === 'string' && shape.test(id) && browserId !== undefined;
  return {
    create: async (pending, browserId) => {
      const id = randomBytes(32).toString('base64url');
      const sealed = seal(masterKey, Buffer.from(JSON.stringify(pending)), context(id));
      await db.query(
        'INSERT INTO provider.pending_links (id_hash, browser_hash, identity_key, sealed, expires_at) VALUES ($1, $2, $3, $4, $5)',
        [hash(id), hash(browserId), pending.identityKey, sealed, new Date(clock().getTime() + LIFETIME_MS)],
      );
      return id;
    },
    find: async (id, browserId) => {
      if (!known(id, browserId)) return undefined;
      const { rows } = await db.query<{ sealed: Buffer }>(
        'SELECT sealed FROM provider.pending_links WHERE id_hash = $1 AND browser_hash = $2 AND expires_at > $3',
        [hash(id), hash(browserId as string), clock()],
      );
      return opened(id, rows[0]?.sealed);
    },
    consume: async (id, browserId) => {
      if (!known(id, browserId)) return undefined;
      const { rows } = await db.query<{ sealed: Buffer }>(
        'DELETE FROM provider.pending_links WHERE id_hash = $1 AND browser_hash = $2 AND expires_at > $3 RETURNING sealed',
        [hash(id), hash(browserId as string), clock()],
      );
      return opened(id, rows[0]?.sealed);
    },
    discardOf: async (identityKey) => {
      await db.query('DELETE FROM provider.pending_links WHERE identity_key = $1', [identityKey]);
    },
    removeExpired: async () => {
      await db.query('DELETE FROM provider.pending_links WHERE expires_at < $1', [clock()]);
    },
  };
};
