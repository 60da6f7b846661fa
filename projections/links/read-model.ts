import { Between, Column, Entity, PrimaryColumn } from 'typeorm';
import type { DataSource } from 'typeorm';

/** A live link, as the links projection has it, those on hold included. Reads the view over the live generation. */
@Entity({ name: 'links' })
export class LinkView {
  @PrimaryColumn({ name: 'claim_id', type: 'uuid' })
  claimId!: string;

  @Column({ name: 'user_id', type: 'uuid' })
  userId!: string;

  @Column({ name: 'provider_id', type: 'text' })
  providerId!: string;

  @Column({ type: 'text' })
  issuer!: string;

  @Column({ type: 'text', nullable: true })
  subject!: string | null;

  @Column({ name: 'name_at_provider', type: 'text', nullable: true })
  nameAtProvider!: string | null;

  @Column({ type: 'text' })
  origin!: string;

  @Column({ name: 'linked_at', type: 'timestamptz' })
  linkedAt!: Date;

  @Column({ name: 'last_used_at', type: 'timestamptz', nullable: true })
  lastUsedAt!: Date | null;

  /** Since a recovery, until the owner has kept it (L32). */
  @Column({ name: 'on_hold', type: 'boolean' })
  onHold!: boolean;
}

/** A user's live links, oldest first. */
export const linksOfUser = (readModels: DataSource, userId: string): Promise<LinkView[]> =>
  readModels.getRepository(LinkView).find({ where: { userId }, order: { linkedAt: 'ASC', claimId: 'ASC' } });

/** A user's live links that sign them in: none that is on hold since a recovery (L32). Oldest first. */
export const countingLinksOfUser = (readModels: DataSource, userId: string): Promise<LinkView[]> =>
  readModels
    .getRepository(LinkView)
    .find({ where: { userId, onHold: false }, order: { linkedAt: 'ASC', claimId: 'ASC' } });

/** Live links of a provider that were made between two moments, both included, oldest first. */
export const linksOfProvider = (
  readModels: DataSource,
  providerId: string,
  from: Date,
  to: Date,
): Promise<LinkView[]> =>
  readModels
    .getRepository(LinkView)
    .find({ where: { providerId, linkedAt: Between(from, to) }, order: { linkedAt: 'ASC', claimId: 'ASC' } });

const PAGE = 1_000;

/** Who holds a live link to one of these providers, page by page, each user once. */
export async function* usersOfProviders(
  readModels: DataSource,
  ...providerIds: readonly string[]
): AsyncGenerator<readonly string[]> {
  if (providerIds.length === 0) return;
  for (let after: string | undefined; ;) {
    const query = readModels
      .getRepository(LinkView)
      .createQueryBuilder('link')
      .select('link.userId', 'userId')
      .distinct()
      .where('link.providerId IN (:...providerIds)', { providerIds })
      .orderBy('link.userId')
      .limit(PAGE);
    if (after !== undefined) query.andWhere('link.userId > :after', { after });
    const rows = await query.getRawMany<{ userId: string }>();
    const last = rows.at(-1);
    if (!last) return;
    yield rows.map(({ userId }) => userId);
    after = last.userId;
  }
}

/** How many live links each provider has; providers without one are left out. */
export const linksByProvider = async (readModels: DataSource): Promise<ReadonlyMap<string, number>> => {
  const rows = await readModels
    .getRepository(LinkView)
    .createQueryBuilder('link')
    .select('link.providerId', 'providerId')
    .addSelect('count(*)', 'count')
    .groupBy('link.providerId')
    .getRawMany<{ providerId: string; count: string }>();
  return new Map(rows.map(({ providerId, count }) => [providerId, Number(count)]));
};
