import { Body, Controller, Inject, Param, Post, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { loadIdentityProvider } from '#libs/identity-providers/queries/load-identity-provider.js';
import { slugSchema } from '#libs/platform/slug.js';
import { Public } from '#libs/web/access/access.js';
import { contextOf } from '#libs/web/request-context.js';
import { endSessionsFromProvider } from '../end-sessions-from-provider.js';
import { SIGN_IN_DEPENDENCIES } from '../sign-in-dependencies.js';
import type { SignInDependencies } from '../sign-in-dependencies.js';

/**
 * Where external OpenID Providers say that somebody has logged out there (OpenID Connect Back-Channel Logout 1.0,
 * sections 2.5 to 2.8).
 */
@Controller('/providers/:providerId/backchannel-logout')
@Public()
export class BackChannelLogoutController {
  constructor(@Inject(SIGN_IN_DEPENDENCIES) private readonly dependencies: SignInDependencies) {}

  @Post()
  async logout(
    @Param('providerId') providerId: string,
    @Body() body: Record<string, unknown> | undefined,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const { store, backChannelLogouts, newId, logger } = this.dependencies;
    const context = contextOf(request, newId, { type: 'provider', id: providerId });
    response.set('cache-control', 'no-store');
    const refuse = (code: string, detail?: string): void => {
      logger.warn(
        { correlationId: context.correlationId, provider: providerId, refusal: code, detail },
        'a logout message was refused',
      );
      // Which check failed is for the log.
      response.status(400).json({ error: 'invalid_request', error_description: 'The logout token was not accepted.' });
    };
    const settings = slugSchema.safeParse(providerId).success
      ? (await loadIdentityProvider(store, providerId)).settings
      : undefined;
    if (settings?.kind !== 'oidc') return refuse('provider_not_allowed');
    const logout = await backChannelLogouts.verify(settings, body?.logout_token);
    if (logout.kind === 'refused') return refuse(logout.code, logout.detail);
    const ended = await endSessionsFromProvider(this.dependencies, logout, context);
    if (ended.kind === 'refused') return refuse(ended.code);
    logger.info(
      { correlationId: context.correlationId, provider: providerId, sessions: ended.count },
      'a provider ended sessions',
    );
    response.status(200).send();
  }
}
