import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { createCodec } from '#libs/event-store/codec.js';
import { eventCatalog } from '#libs/event-catalog/event-catalog.js';
import type { DomainEvent } from '#libs/event-store/event-definition.js';
import type { StreamName } from '#libs/event-store/stream-name.js';
import { newUuid } from '#libs/platform/ids.js';
import { seal } from '#libs/privacy/sealed.js';
import { masterKeyId } from '#libs/privacy/subject-keys.postgres.js';
import type { SubjectKey } from '#libs/privacy/subject-keys.js';

/** Positions of the embedded node are 64, 128, 192, …; the first belongs to its own first event. */
const POSITION_STRIDE = 64n;
/** What a user comes to: created, linked, and two events for each sign-in. */
export const eventsPerUser = (signInsPerUser: number): number => 2 + 2 * signInsPerUser;
const INSERTED_AT_ONCE = 5_000;

interface LogRow {
  readonly stream: StreamName;
  readonly revision: number;
  readonly event: DomainEvent;
  readonly userId: string;
}

export interface UserLogOptions {
  /** Of the database that has the log and, migrated, the keys. */
  readonly adminUrl: string;
  readonly masterKey: Buffer;
  readonly signInsPerUser: number;
  readonly onInserted?: OnInserted;
}

/** What is inserted, for whoever keeps the same events elsewhere. */
export type OnInserted = (
  events: readonly { readonly stream: string; readonly revision: number; readonly event: DomainEvent }[],
) => Promise<void>;

/**
 * A log as an identity server would have written it: people who are created just in time and sign in again and again,
 * sealed personal values with keys and addresses included. It is written into the embedded node's table directly, while
 * no node has it; it grows where it ended.
 */
export class UserLog {
  readonly #keys = new Map<string, SubjectKey>();
  readonly #codec = createCodec(eventCatalog, {
    forWriting: (subject) => Promise.resolve(this.#keyOf(subject)),
    forReading: () => Promise.reject(new Error('nothing is read here')),
  });
  #unstored: string[] = [];
  readonly #people: { readonly id: string; readonly claimId: string; activity: number }[] = [];
  #position = POSITION_STRIDE;

  private constructor(
    private readonly database: pg.Client,
    private readonly options: UserLogOptions,
  ) {}

  static async open(options: UserLogOptions): Promise<UserLog> {
    const database = new pg.Client({ connectionString: options.adminUrl });
    await database.connect();
    return new UserLog(database, options);
  }

  get events(): number {
    return this.#people.length * eventsPerUser(this.options.signInsPerUser);
  }

  get users(): readonly string[] {
    return this.#people.map(({ id }) => id);
  }

  /** Adds people until the log has so many events. */
  async growTo(events: number): Promise<void> {
    let rows: LogRow[] = [];
    while (this.events < events) {
      rows.push(...this.#nextPerson());
      if (rows.length >= INSERTED_AT_ONCE || this.events >= events) {
        await this.#insert(rows);
        rows = [];
      }
    }
    await this.database.query('ANALYZE log.events');
  }

  close(): Promise<void> {
    return this.database.end();
  }

  #keyOf(subject: string): SubjectKey {
    const known = this.#keys.get(subject);
    if (known) return known;
    const key = { id: newUuid(), secret: randomBytes(32) };
    this.#keys.set(subject, key);
    this.#unstored.push(subject);
    return key;
  }

  async #storeKeys(): Promise<void> {
    const subjects = this.#unstored;
    this.#unstored = [];
    const keys = subjects.map((subject) => ({ subject, ...this.#keyOf(subject) }));
    await this.database.query(
      `INSERT INTO keys.subject_keys (subject, key_id, wrapped, master_key_id, created_at)
       SELECT subject, key_id, wrapped, $4, now() FROM unnest($1::text[], $2::uuid[], $3::bytea[]) AS t (subject, key_id, wrapped)`,
      [
        subjects,
        keys.map(({ id }) => id),
        keys.map(({ subject, id, secret }) => seal(this.options.masterKey, secret, ['subject-key', subject, id])),
        masterKeyId(this.options.masterKey),
      ],
    );
  }

  #nextPerson(): LogRow[] {
    const n = this.#people.length;
    const id = newUuid();
    const claimId = newUuid();
    this.#people.push({ id, claimId, activity: 0 });
    const on = (revision: number, event: DomainEvent): LogRow => ({
      stream: `user-${id}`,
      revision,
      event,
      userId: id,
    });
    const rows = [
      on(0, {
        type: 'UserProvisioned',
        data: {
          organizationId: 'default',
          providerId: 'acme',
          displayName: `Person ${n}`,
          givenName: 'Person',
          familyName: String(n),
          email: `p${n}@acme.example`,
        },
      }),
      on(1, {
        type: 'ExternalIdentityLinked',
        data: {
          claimId,
          providerId: 'acme',
          identityKey: `k.${n}`,
          issuer: 'https://acme.example',
          subject: `subject-${n}`,
          nameAtProvider: `Person ${n}`,
          provenance: {
            origin: 'just_in_time',
            proof: 'assertion',
            policyRevision: 'organization-default@1',
            assertionId: newUuid(),
          },
        },
      }),
    ];
    for (let i = 0; i < this.options.signInsPerUser; i += 1)
      rows.push(...this.#signIn((n * 7_919 + i * 104_729) % this.#people.length));
    return rows;
  }

  #signIn(n: number): LogRow[] {
    const person = this.#people[n];
    if (!person) return [];
    const sessionId = newUuid();
    const stream: StreamName = `userActivity-${person.id}`;
    const on = (event: DomainEvent): LogRow => ({ stream, revision: person.activity++, event, userId: person.id });
    return [
      on({
        type: 'LoginSucceeded',
        data: {
          sessionId,
          method: 'external_identity',
          providerId: 'acme',
          claimId: person.claimId,
          row: '2',
          policyRevision: 'organization-default@1',
          assertedEmail: `p${n}@acme.example`,
          assertedEmailVerified: true,
        },
      }),
      on({
        type: 'SessionStarted',
        data: { sessionId, claimId: person.claimId, authenticatedAt: new Date().toISOString() },
      }),
    ];
  }

  async #insert(rows: readonly LogRow[]): Promise<void> {
    const encoded = await Promise.all(
      rows.map(({ stream, event, userId }) =>
        this.#codec.encode({
          id: newUuid(),
          event,
          stream,
          occurredAt: new Date(),
          context: {
            commandId: newUuid(),
            correlationId: newUuid(),
            actor: { type: 'user', id: userId },
            organizationId: 'default',
            source: {
              address: '203.0.113.7',
              userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
            },
          },
          subject: userId,
        }),
      ),
    );
    await this.#storeKeys();
    await this.options.onInserted?.(rows);
    const first = this.#position + POSITION_STRIDE;
    this.#position += POSITION_STRIDE * BigInt(rows.length);
    await this.database.query(
      `INSERT INTO log.events (position, stream, revision, id, type, is_json, data, metadata, created_ms)
       SELECT $1::bigint + $2::bigint * (n - 1), stream, revision, id, type, true, convert_to(data, 'UTF8'), convert_to(metadata, 'UTF8'), $8::bigint
       FROM unnest($3::text[], $4::bigint[], $5::uuid[], $6::text[], $7::text[], $9::text[]) WITH ORDINALITY
         AS t (stream, revision, id, type, data, metadata, n)`,
      [
        first,
        POSITION_STRIDE,
        rows.map(({ stream }) => stream),
        rows.map(({ revision }) => revision),
        encoded.map(({ id }) => id),
        encoded.map(({ type }) => type),
        encoded.map(({ data }) => JSON.stringify(data)),
        Date.now(),
        encoded.map(({ metadata }) => JSON.stringify(metadata)),
      ],
    );
  }
}
