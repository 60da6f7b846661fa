import { Module } from '@nestjs/common';
import { ConsentController } from './consent/consent.controller.js';

/** The OpenID Provider's pages that stand beside its protocol. Needs CONSENT_DEPENDENCIES from the application. */
@Module({ controllers: [ConsentController] })
export class OpenIdProviderModule {}
