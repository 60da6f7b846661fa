import {
  Between,
  Column,
  Entity,
  In,
  LessThan,
  LessThanOrEqual,
  MoreThan,
  MoreThanOrEqual,
  PrimaryColumn,
} from 'typeorm';
import type { DataSource, FindOperator } from 'typeorm';

/**
 * An event of an organization's history: where it stands, and by what it is filtered. Reads the view over the live
 * generation.
 */
@Entity({ name: 'history_index' })
export class HistoryIndexView {
  @PrimaryColumn({ name: 'organization_id', type: 'text' })
  organizationId!: string;

  @PrimaryColumn({ type: 'bigint' })
  position!: string;

  @Column({ type: 'text' })
  stream!: string;

  @Column({ type: 'bigint' })
  revision!: string;

  @Column({ type: 'text' })
  type!: string;

  @Column({ name: 'occurred_at', type: 'timestamptz' })
  occurredAt!: Date;

  @Column({ name: 'actor_type', type: 'text' })
  actorType!: string;

  @Column({ name: 'actor_id', type: 'text' })
  actorId!: string;

  @Column({ name: 'provider_id', type: 'text', nullable: true })
  providerId!: string | null;
}

/** Which events of an organization are wanted. */
export interface HistoryIndexQuery {
  readonly types?: readonly string[] | undefined;
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
  readonly actor?: { readonly type: string; readonly id?: string | undefined } | undefined;
  readonly provider?: string | undefined;
  readonly order: 'asc' | 'desc';
  /** Excluded. */
  readonly after?: bigint | undefined;
  readonly limit: number;
}

/** Where the wanted events of an organization stand, in order of position. */
export const findInHistoryIndex = (
  readModels: DataSource,
  organizationId: string,
  { types, from, to, actor, provider, order, after, limit }: HistoryIndexQuery,
): Promise<HistoryIndexView[]> =>
  readModels.getRepository(HistoryIndexView).find({
    where: {
      organizationId,
      ...(after === undefined
        ? {}
        : { position: order === 'asc' ? MoreThan(after.toString()) : LessThan(after.toString()) }),
      ...(types ? { type: In([...types]) } : {}),
      ...(from || to ? { occurredAt: timeBetween(from, to) } : {}),
      ...(actor ? { actorType: actor.type, ...(actor.id === undefined ? {} : { actorId: actor.id }) } : {}),
      ...(provider === undefined ? {} : { providerId: provider }),
    },
    order: { position: order },
    take: limit,
  });

const timeBetween = (from: Date | undefined, to: Date | undefined): FindOperator<Date> => {
  if (from && to) return Between(from, to);
  return from ? MoreThanOrEqual(from) : LessThanOrEqual(to as Date);
};
