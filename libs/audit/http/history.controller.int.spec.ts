import 'reflect-metadata';
import type { AddressInfo } from 'node:net';
import { Module } from '@nestjs/common';
import type { DynamicModule, INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createUser } from '#libs/users/create-user.js';
import { userStream } from '#libs/users/streams.js';
import { appendUnconditionally } from '#libs/event-store/command-execution.js';
import { EventStore } from '#libs/event-store/event-store.js';
import type { AppendRequest, AppendResult } from '#libs/event-store/event-store.js';
import { StoreAwayError } from '#libs/event-store/store-errors.js';
import { newUuid } from '#libs/platform/ids.js';
import { AccessModule } from '#libs/web/access/access.module.js';
import { AccessTokens } from '#libs/web/access/access-tokens.js';
import { BrowserPipe, BrowserSecurity } from '#libs/web/browser.js';
import { cookiePolicy } from '#libs/web/cookies.js';
import { createCsrfTokens } from '#libs/web/csrf.js';
import { startTestInstallation, testContext } from '#test-support/installation.js';
import type { TestInstallation } from '#test-support/installation.js';
import { AUDIT_DEPENDENCIES } from '../audit-dependencies.js';
import type { AuditDependencies } from '../audit-dependencies.js';
import { AuditModule } from '../audit.module.js';

const csrf = createCsrfTokens(Buffer.alloc(32));

@Module({})
class DependenciesModule {
  static of(dependencies: AuditDependencies): DynamicModule {
    const admitted = { kind: 'valid', clientId: 'auditor', organizationId: 'default' } as const;
    const providers = [
      { provide: AUDIT_DEPENDENCIES, useValue: dependencies },
      { provide: BrowserSecurity, useValue: { csrf, cookies: cookiePolicy('http://localhost') } },
      BrowserPipe,
      { provide: AccessTokens, useValue: { verify: () => Promise.resolve(admitted) } },
    ];
    return { module: DependenciesModule, global: true, providers, exports: providers };
  }
}

/** A store that can be read, and takes nothing. */
class ReadOnly extends EventStore {
  override append(_request: AppendRequest): Promise<AppendResult> {
    return Promise.reject(new StoreAwayError());
  }
}

describe('an access that cannot be written down', () => {
  let installation: TestInstallation;
  let app: INestApplication;
  const [userId, auditorId, browserId] = [newUuid(), newUuid(), 'b'.repeat(43)];
  beforeAll(async () => {
    installation = await startTestInstallation();
    const registered = { type: 'UserRegistered', data: { organizationId: 'default', displayName: 'Secret Ann' } };
    const stream = userStream(userId);
    await appendUnconditionally(installation.store, {
      stream,
      events: [registered],
      context: testContext(),
      subject: userId,
    });
    const first = { type: 'UserRegistered', data: { organizationId: 'default' } } as const;
    const username = { username: 'ann', canonical: 'ann', givenBy: { by: 'self' } } as const;
    await createUser(
      installation,
      { organizationId: 'default', first, username, ifUsernameTaken: 'refuse' },
      testContext(),
    );
    const auditor = { type: 'UserRegistered', data: { organizationId: 'default', displayName: 'Auditor' } };
    const role = { type: 'RoleGranted', data: { role: 'auditor' } };
    await appendUnconditionally(installation.store, {
      stream: userStream(auditorId),
      events: [auditor, role],
      context: testContext(),
      subject: auditorId,
    });
    const dependencies: AuditDependencies = {
      ...installation,
      store: new ReadOnly(installation),
      index: { find: () => Promise.resolve([{ position: 64n, stream, revision: 0n }]) },
      sessions: {
        current: () => Promise.resolve({ userId: auditorId, organizationId: 'default', sessionId: 'session' }),
      },
      continueAt: () => undefined,
    };
    const imports = [DependenciesModule.of(dependencies), AccessModule, AuditModule];
    app = await NestFactory.create({ module: class Root {}, imports }, { logger: false });
    await app.listen(0);
  });
  afterAll(async () => {
    await app.close();
    await installation.stop();
  });

  it.each([
    `users/${userId}/history`,
    `users/${userId}/history/export`,
    `users/${userId}`,
    `users/${userId}/difference?from=pos:0`,
    'history',
    'history/export',
  ])('%s: is not answered', async (path) => {
    const { port } = (app.getHttpServer() as { address(): AddressInfo }).address();
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/${path}`, {
      headers: { authorization: 'Bearer token' },
    });
    expect(response.status).toBeGreaterThanOrEqual(500);
    expect(await response.text()).not.toContain('Secret');
  });

  it.each(['ann', 'nobody'])('looking %s up on the auditors’ pages: neither', async (user) => {
    const { port } = (app.getHttpServer() as { address(): AddressInfo }).address();
    const response = await fetch(`http://127.0.0.1:${port}/audit/users`, {
      method: 'POST',
      redirect: 'manual',
      headers: { cookie: `ligature_browser=${browserId}` },
      body: new URLSearchParams({ user, csrf: csrf.issue(browserId, 'session') }),
    });
    expect([response.status, response.headers.get('location')]).toEqual([500, null]);
  });
});
