import { Body, Controller, Delete, Get, Inject, Param, Post, Put } from '@nestjs/common';
import { z } from 'zod';
import { changeIdentityProvider } from '#libs/identity-providers/commands/change-identity-provider.js';
import {
  announceRemoval,
  cancelRemoval,
  commitRemoval,
} from '#libs/identity-providers/commands/remove-identity-provider.js';
import { decideActivate, decideConfigure, decideDeactivate } from '#libs/identity-providers/decide.js';
import { checkSettings } from '#libs/identity-providers/mistakes.js';
import { loadIdentityProvider } from '#libs/identity-providers/queries/load-identity-provider.js';
import {
  clientSecretGoesTo,
  identityProviderSettingsSchema,
  withoutSecrets,
} from '#libs/identity-providers/settings.js';
import type { IdentityProvider } from '#libs/identity-providers/state.js';
import { slugSchema } from '#libs/platform/slug.js';
import { RequirePermission } from '#libs/web/access/access.js';
import { CurrentClient } from '#libs/web/access/client-call.js';
import type { ClientCall } from '#libs/web/access/client-call.js';
import { RefusedCall } from '#libs/web/refused.js';
import { mistakesOf, ZodBody } from '#libs/web/zod-parameters.js';
import type { Mistake } from '#libs/web/zod-parameters.js';
import { ADMINISTRATION_DEPENDENCIES } from './administration-dependencies.js';
import type { AdministrationDependencies } from './administration-dependencies.js';
import { accepted, refusedCall } from './api-refusals.js';

/** Who may edit a provider can sign in as any user who is linked to it: a scope of its own (security row L27). */
export const IDENTITY_PROVIDERS_SCOPE = 'identity-providers:write';

const commitSchema = z.strictObject({ force: z.boolean().default(false) });

type Configured = IdentityProvider & { readonly settings: NonNullable<IdentityProvider['settings']> };

const mistaken = (mistakes: readonly Mistake[]): RefusedCall =>
  new RefusedCall(422, 'settings_invalid', 'The settings cannot be used; nothing was changed', { mistakes });

/**
 * `/api/v1/identity-providers/{id}`: the identity providers that belong to the client's organization. Those of the
 * installation are declared by its operator. Secrets are taken and never returned; one that is left out stays as it is.
 */
@Controller('/api/v1/identity-providers/:id')
@RequirePermission(IDENTITY_PROVIDERS_SCOPE)
export class IdentityProvidersController {
  constructor(@Inject(ADMINISTRATION_DEPENDENCIES) private readonly dependencies: AdministrationDependencies) {}

  @Get()
  async show(@Param('id') id: string, @CurrentClient() client: ClientCall): Promise<object> {
    const { settings, active, removal } = await this.#existing(id, client);
    const { plain, secrets } = withoutSecrets(settings);
    return { id, active, removal: removal.phase, settings: plain, secretsSet: Object.keys(secrets) };
  }

  @Put()
  async configure(
    @Param('id') id: string,
    @Body() body: unknown,
    @CurrentClient() { organizationId, meta }: ClientCall,
  ): Promise<void> {
    const { store, policy, clock } = this.dependencies;
    const { settings, active } = await this.#ofOrganization(id, organizationId);
    const kept = settings ? withoutSecrets(settings).secrets : {};
    const sent = z.record(z.string(), z.unknown()).safeParse(body);
    const parsed = identityProviderSettingsSchema.safeParse({ ...kept, ...sent.data, id, organizationId });
    if (!parsed.success) throw mistaken(mistakesOf(parsed.error));
    // Or who may edit a provider could have a secret that is never returned sent to an address of their own.
    const isKept = kept.clientSecret !== undefined && sent.data?.clientSecret === undefined;
    if (settings && isKept && clientSecretGoesTo(settings) !== clientSecretGoesTo(parsed.data))
      throw mistaken([
        { path: 'clientSecret', message: 'must be sent again: it would be shown to another address than before' },
      ]);
    const { mistakes } = await checkSettings(parsed.data, policy, clock());
    if (mistakes.length > 0) throw mistaken(mistakes.map(({ path, message }) => ({ path: path.join('.'), message })));
    const declared = { settings: parsed.data, active: settings ? active : true };
    accepted((await changeIdentityProvider(store, id, (now) => decideConfigure(now, declared), meta)).outcome);
  }

  @Post('/activate')
  async activate(@Param('id') id: string, @CurrentClient() client: ClientCall): Promise<void> {
    await this.#existing(id, client);
    accepted((await changeIdentityProvider(this.dependencies.store, id, decideActivate, client.meta)).outcome);
  }

  @Post('/deactivate')
  async deactivate(@Param('id') id: string, @CurrentClient() client: ClientCall): Promise<void> {
    await this.#existing(id, client);
    accepted((await changeIdentityProvider(this.dependencies.store, id, decideDeactivate, client.meta)).outcome);
  }

  /** Phase one of a removal: it no longer counts as a sign-in method that users would have left. */
  @Post('/removal')
  async announce(@Param('id') id: string, @CurrentClient() client: ClientCall): Promise<void> {
    await this.#existing(id, client);
    accepted(await announceRemoval(this.dependencies, id, client.meta));
  }

  @Delete('/removal')
  async cancel(@Param('id') id: string, @CurrentClient() client: ClientCall): Promise<void> {
    await this.#existing(id, client);
    accepted(await cancelRemoval(this.dependencies, id, client.meta));
  }

  /** Phase two: `{"force": true}` also where users lose their last sign-in method. */
  @Post('/removal/commit')
  async commit(
    @Param('id') id: string,
    @ZodBody(commitSchema) body: z.output<typeof commitSchema>,
    @CurrentClient() client: ClientCall,
  ): Promise<object> {
    await this.#existing(id, client);
    const outcome = await commitRemoval(this.dependencies, id, body, client.meta);
    switch (outcome.kind) {
      case 'removed':
        return { peopleWithoutWayIn: outcome.peopleWithoutWayIn };
      case 'not_settled':
        throw refusedCall('removal_not_settled', {
          headers: { 'retry-after': String(Math.ceil(outcome.waitMs / 1_000)) },
          detail: 'Try again after the time that Retry-After states.',
        });
      case 'would_take_last_way_in':
        throw refusedCall('people_would_lose_their_last_way_in', {
          detail:
            `Users without another sign-in method: ${outcome.peopleWithoutWayIn}. ` +
            'Give them one, cancel the removal, or send {"force": true}.',
        });
      case 'refused':
        throw refusedCall(outcome.code);
    }
  }

  /** A provider of another organization, or of the installation, is not found by this client (invariant 11). */
  async #ofOrganization(id: string, organizationId: string): Promise<IdentityProvider> {
    if (!slugSchema.safeParse(id).success) throw refusedCall('provider_not_found');
    const provider = await loadIdentityProvider(this.dependencies.store, id);
    if (provider.settings && provider.settings.organizationId !== organizationId)
      throw refusedCall('provider_not_found');
    return provider;
  }

  async #existing(id: string, { organizationId }: ClientCall): Promise<Configured> {
    const provider = await this.#ofOrganization(id, organizationId);
    if (!provider.settings) throw refusedCall('provider_not_found');
    return { ...provider, settings: provider.settings };
  }
}
