import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { DataSource } from 'typeorm';

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

export const findUser = (readModels: DataSource, userId: string): Promise<UserView | null> =>
  readModels.getRepository(UserView).findOneBy({ userId });
