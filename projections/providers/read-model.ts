import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { DataSource } from 'typeorm';

/** An identity provider, as the providers projection has it. Reads the view over the live generation. */
@Entity({ name: 'providers' })
export class ProviderView {
  @PrimaryColumn({ name: 'provider_id', type: 'text' })
  providerId!: string;

  /** None: the installation's. */
  @Column({ name: 'organization_id', type: 'text', nullable: true })
  organizationId!: string | null;

  @Column({ type: 'text' })
  kind!: string;

  @Column({ name: 'display_name', type: 'text' })
  displayName!: string;

  /** Of a SAML provider: its entity id. */
  @Column({ type: 'text' })
  issuer!: string;

  @Column({ type: 'text' })
  state!: 'in_use' | 'removal_announced' | 'removed';

  @Column({ type: 'boolean' })
  active!: boolean;
}

/** @param organizationId only the providers that belong to it; all of them unless told */
export const allProviders = (readModels: DataSource, organizationId?: string): Promise<ProviderView[]> =>
  readModels
    .getRepository(ProviderView)
    .find({ ...(organizationId === undefined ? {} : { where: { organizationId } }), order: { providerId: 'ASC' } });
