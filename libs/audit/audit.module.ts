import { Module } from '@nestjs/common';
import { AccountAsOfController } from './http/account.controller.js';
import { HistoryController } from './http/history.controller.js';

/** The history API. Needs AUDIT_DEPENDENCIES from the application. */
@Module({ controllers: [HistoryController, AccountAsOfController] })
export class AuditModule {}
