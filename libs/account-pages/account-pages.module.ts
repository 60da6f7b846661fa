import { Module } from '@nestjs/common';
import { AccountController } from './account.controller.js';
import { AppsController } from './apps.controller.js';
import { ConfirmController } from './confirm.controller.js';
import { EntranceController } from './entrance.controller.js';
import { CredentialsController } from './credentials.controller.js';
import { AccountHistoryController } from './history.controller.js';
import { ReviewController } from './review.controller.js';
import { SessionsController } from './sessions.controller.js';

/** The pages of a signed-in person. Needs ACCOUNT_DEPENDENCIES from the application. */
@Module({
  controllers: [
    AccountController,
    ConfirmController,
    CredentialsController,
    AccountHistoryController,
    ReviewController,
    SessionsController,
    AppsController,
    EntranceController,
  ],
})
export class AccountPagesModule {}
