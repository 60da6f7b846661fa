import { Module } from '@nestjs/common';
import { HistoryController } from './http/history.controller.js';

/** The history API. Needs AUDIT_DEPENDENCIES from the application. */
@Module({ controllers: [HistoryController] })
export class AuditModule {}
