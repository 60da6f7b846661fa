import { Global, Module } from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR, DiscoveryModule } from '@nestjs/core';
import { RenderingInterceptor } from '../rendering.interceptor.js';
import { DenyUndeclaredGuard } from './deny-undeclared.guard.js';
import { Routes } from './routes.js';

/** What holds for every route: denied unless it declares its callers, answered by what it returns. */
@Global()
@Module({
  imports: [DiscoveryModule],
  providers: [
    Routes,
    { provide: APP_GUARD, useClass: DenyUndeclaredGuard },
    { provide: APP_INTERCEPTOR, useClass: RenderingInterceptor },
  ],
  exports: [Routes],
})
export class AccessModule {}
