import { Module } from '@nestjs/common';
import { ProviderCallbackController } from './pages/provider-callback.controller.js';
import { SignInController } from './pages/sign-in.controller.js';

/** The sign-in page and the way back from external providers. Needs SIGN_IN_DEPENDENCIES from the application. */
@Module({ controllers: [SignInController, ProviderCallbackController] })
export class SignInModule {}
