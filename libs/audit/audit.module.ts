import { Module } from '@nestjs/common';
import { AccountAsOfController } from './http/account.controller.js';
import { HistoryExportController } from './http/history-export.controller.js';
import { HistoryController } from './http/history.controller.js';
import { HistoryReads } from './http/history-reads.js';
import { AuditorController } from './pages/auditor.controller.js';

/** The history API and the auditors' pages. Needs AUDIT_DEPENDENCIES from the application. */
@Module({
  controllers: [HistoryController, HistoryExportController, AccountAsOfController, AuditorController],
  providers: [HistoryReads],
})
export class AuditModule {}
