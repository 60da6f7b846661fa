import { Module } from '@nestjs/common';
import { AccountController } from './account.controller.js';
import { AccountHistoryController } from './history.controller.js';

/** The pages of a signed-in person. Needs ACCOUNT_DEPENDENCIES from the application. */
@Module({ controllers: [AccountController, AccountHistoryController] })
export class AccountPagesModule {}
