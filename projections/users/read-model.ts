import { Column, Entity, MoreThan, PrimaryColumn } from 'typeorm';
import type { DataSource } from 'typeorm';
import { askTogether } from '#libs/platform/ask-together.js';
import type { Queryable } from '#libs/platform/postgres/pool.js';
import { isRefusedStatement } from '#libs/platform/postgres/refused.js';
import { deniedCondition } from '#libs/projection-engine/parked.postgres.js';

/** A user, as the users projection has it. Reads the view over the live generation. */
@Entity({ name: 'users' })
export class UserView {
  @PrimaryColumn({ name: 'user_id', type: 'uuid' })
  userId!: string;

  @Column({ name: 'organization_id', type: 'text' })
  organizationId!: string;

  @Column({ type: 'text' })
  status!: string;

  @Column({ type: 'text', nullable: true })
  username!: string | null;

  @Column({ name: 'display_name', type: 'text', nullable: true })
  displayName!: string | null;

  @Column({ name: 'given_name', type: 'text', nullable: true })
  givenName!: string | null;

  @Column({ name: 'family_name', type: 'text', nullable: true })
  familyName!: string | null;

  @Column({ type: 'text', nullable: true })
  email!: string | null;

  @Column({ name: 'email_verified', type: 'boolean' })
  emailVerified!: boolean;

  @Column({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;
}

const PAGE = 1_000;

/** Who belongs to an organization, page by page. */
export async function* usersOfOrganization(
  readModels: DataSource,
  organizationId: string,
): AsyncGenerator<readonly string[]> {
  for (let after: string | undefined; ;) {
    const rows = await readModels.getRepository(UserView).find({
      select: { userId: true },
      where: { organizationId, ...(after === undefined ? {} : { userId: MoreThan(after) }) },
      order: { userId: 'ASC' },
      take: PAGE,
    });
    const last = rows.at(-1);
    if (!last) return;
    yield rows.map(({ userId }) => userId);
    after = last.userId;
  }
}

export const findUser = (readModels: DataSource, userId: string): Promise<UserView | null> =>
  readModels.getRepository(UserView).findOneBy({ userId });

/** What apps may learn of a user; the rest stays here. */
export interface ClaimsOfUser {
  readonly status: string;
  readonly displayName: string | null;
  readonly givenName: string | null;
  readonly familyName: string | null;
  readonly email: string | null;
  readonly emailVerified: boolean;
  /** Whether what is read here may be too good, because an event that takes rights away waits to be applied. */
  readonly denied: boolean;
}

/**
 * Reads the claims of a user: the OpenID Provider asks for them with every token, and those who ask at the same moment
 * share a statement.
 */
export const claimsReader = (db: Queryable): ((userId: string) => Promise<ClaimsOfUser | undefined>) =>
  askTogether(async (userIds) => {
    const { rows } = await db.query<ClaimsOfUser & { readonly userId: string }>({
      name: 'claims of users',
      text: `SELECT users.user_id AS "userId", status, display_name AS "displayName", given_name AS "givenName", family_name AS "familyName", email,
               email_verified AS "emailVerified", ${deniedCondition('users.user_id::text')} AS denied
             FROM models.users WHERE users.user_id = ANY ($1::uuid[])`,
      values: [userIds],
    });
    const byUser = new Map(rows.map(({ userId, ...claims }) => [userId, claims]));
    return userIds.map((userId) => byUser.get(userId));
  }, isRefusedStatement);
