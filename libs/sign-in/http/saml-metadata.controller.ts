import { Controller, Get, Inject, NotFoundException, Param, Res } from '@nestjs/common';
import type { Response } from 'express';
import { loadIdentityProvider } from '#libs/identity-providers/queries/load-identity-provider.js';
import { slugSchema } from '#libs/platform/slug.js';
import { callbackUrl, SIGN_IN_DEPENDENCIES } from '../sign-in-dependencies.js';
import type { SignInDependencies } from '../sign-in-dependencies.js';
import { Public } from '#libs/web/access/access.js';

/** Our metadata for one SAML provider, under the address that is our entity id there. */
@Controller('/providers/:providerId/metadata')
@Public()
export class SamlMetadataController {
  constructor(@Inject(SIGN_IN_DEPENDENCIES) private readonly dependencies: SignInDependencies) {}

  @Get()
  async show(@Param('providerId') providerId: string, @Res() response: Response): Promise<void> {
    const { store, saml, issuer } = this.dependencies;
    const settings = slugSchema.safeParse(providerId).success
      ? (await loadIdentityProvider(store, providerId)).settings
      : undefined;
    if (settings?.kind !== 'saml') throw new NotFoundException();
    response
      .set({ 'cache-control': 'public, max-age=300', 'x-content-type-options': 'nosniff' })
      .type('application/samlmetadata+xml')
      .send(saml.metadata(settings, callbackUrl(issuer, settings)));
  }
}
