import { Module } from '@nestjs/common';
import { UsersController } from './users.controller.js';

/** The API of administrators. Needs ADMINISTRATION_DEPENDENCIES from the application, and the commands of accounts and linking. */
@Module({ controllers: [UsersController] })
export class AdministrationModule {}
