import { Module } from '@nestjs/common';
import { IdentityProvidersController } from './identity-providers.controller.js';
import { UsersController } from './users.controller.js';

/**
 * The API of administrators. Needs ADMINISTRATION_DEPENDENCIES from the application, and the commands of accounts and
 * linking.
 */
@Module({ controllers: [UsersController, IdentityProvidersController] })
export class AdministrationModule {}
