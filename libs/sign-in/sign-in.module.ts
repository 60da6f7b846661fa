import { Module } from '@nestjs/common';
import { BackChannelLogoutController } from './http/back-channel-logout.controller.js';
import { SamlLogoutController } from './http/saml-logout.controller.js';
import { SamlMetadataController } from './http/saml-metadata.controller.js';
import { ProviderCallbackController } from './pages/provider-callback.controller.js';
import { PendingLinkController } from './pages/pending-link.controller.js';
import { RecoveryController } from './pages/recovery.controller.js';
import { RegistrationController } from './pages/registration.controller.js';
import { SignInController } from './pages/sign-in.controller.js';
import { VerificationController } from './pages/verification.controller.js';

/**
 * The pages of signing in, registering, verifying and recovering, and the way back from external providers. Needs
 * SIGN_IN_DEPENDENCIES.
 */
@Module({
  controllers: [
    SignInController,
    RegistrationController,
    VerificationController,
    RecoveryController,
    PendingLinkController,
    ProviderCallbackController,
    BackChannelLogoutController,
    SamlLogoutController,
    SamlMetadataController,
  ],
})
export class SignInModule {}
