import 'reflect-metadata';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { describe, expect, it } from '@jest/globals';
import { AccessModule } from '#libs/web/access/access.module.js';
import type { Access } from '#libs/web/access/access-metadata.js';
import { Routes } from '#libs/web/access/routes.js';
import type { IdentityDependencies } from './dependencies.js';
import { IdentityModule } from './identity.module.js';

/** Stands in for everything that the modules are given: routes are listed without any of it. */
const nothing: IdentityDependencies = new Proxy({} as IdentityDependencies, {
  get: (_target, name) => (name === 'openIdProvider' ? { verifyAccessToken: () => undefined } : {}),
});

/** Every route that Nest serves, with who may call it. A new route is added here by whoever adds it. */
const ROUTES: readonly string[] = [
  'GET    /  public',
  'GET    /account  account_session',
  'GET    /account/apps  account_session',
  'POST   /account/apps/revoke  account_session',
  'GET    /account/confirm  account_session',
  'POST   /account/confirm/identities/:claimId  account_session',
  'POST   /account/confirm/password  account_session',
  'GET    /account/email  account_session',
  'POST   /account/email  account_session',
  'GET    /account/history  account_session',
  'GET    /account/identities/:claimId/unlink  account_session',
  'POST   /account/identities/:claimId/unlink  account_session',
  'GET    /account/identities/link/:providerId  account_session',
  'POST   /account/identities/link/:providerId  account_session',
  'GET    /account/name  account_session',
  'POST   /account/name  account_session',
  'GET    /account/password  account_session',
  'POST   /account/password  account_session',
  'POST   /account/password/remove  account_session',
  'GET    /account/review  account_session',
  'POST   /account/review  account_session',
  'GET    /account/sessions  account_session',
  'POST   /account/sessions/end  account_session',
  'POST   /account/sessions/end-others  account_session',
  'POST   /account/sign-out  account_session',
  'GET    /account/username  account_session',
  'POST   /account/username  account_session',
  'GET    /api/v1/history  history:read',
  'GET    /api/v1/history/export  history:read',
  'GET    /api/v1/identity-providers/:id  identity-providers:write',
  'PUT    /api/v1/identity-providers/:id  identity-providers:write',
  'POST   /api/v1/identity-providers/:id/activate  identity-providers:write',
  'POST   /api/v1/identity-providers/:id/deactivate  identity-providers:write',
  'POST   /api/v1/identity-providers/:id/removal  identity-providers:write',
  'DELETE /api/v1/identity-providers/:id/removal  identity-providers:write',
  'POST   /api/v1/identity-providers/:id/removal/commit  identity-providers:write',
  'GET    /api/v1/users/:userId  history:read',
  'POST   /api/v1/users/:userId/deactivate  users:write',
  'GET    /api/v1/users/:userId/difference  history:read',
  'POST   /api/v1/users/:userId/erase  users:write',
  'GET    /api/v1/users/:userId/erasure  users:write',
  'GET    /api/v1/users/:userId/history  history:read',
  'GET    /api/v1/users/:userId/history/export  history:read',
  'POST   /api/v1/users/:userId/identities/:claimId/unlink  users:write',
  'POST   /api/v1/users/:userId/reactivate  users:write',
  'PUT    /api/v1/users/:userId/roles/:role  users:write',
  'DELETE /api/v1/users/:userId/roles/:role  users:write',
  'GET    /assets/style.css  public',
  'GET    /assets/theme/:file  public',
  'GET    /audit  role auditor',
  'POST   /audit/users  role auditor',
  'GET    /audit/users/:userId  role auditor',
  'GET    /audit/users/:userId/as-of  role auditor',
  'GET    /consent/:uid  public',
  'POST   /consent/:uid  public',
  'GET    /dev/outbox  public',
  'GET    /link-account/:id  public',
  'POST   /link-account/:id/create  public',
  'POST   /link-account/:id/decline  public',
  'POST   /link-account/:id/password  public',
  'POST   /link-account/:id/providers/:providerId  public',
  'GET    /o/:organization  public',
  'GET    /o/:organization/register  public',
  'POST   /o/:organization/register  public',
  'GET    /o/:organization/sign-in  public',
  'POST   /o/:organization/sign-in/password  public',
  'POST   /o/:organization/sign-in/providers/:providerId  public',
  'GET    /o/:organization/signed-out  public',
  'POST   /providers/:providerId/acs  public',
  'GET    /providers/:providerId/acs  public',
  'POST   /providers/:providerId/backchannel-logout  public',
  'POST   /providers/:providerId/callback  public',
  'GET    /providers/:providerId/callback  public',
  'GET    /providers/:providerId/metadata  public',
  'GET    /providers/:providerId/slo  public',
  'POST   /providers/:providerId/slo  public',
  'GET    /recovery  public',
  'POST   /recovery  public',
  'GET    /recovery/:token  public',
  'POST   /recovery/:token  public',
  'GET    /register  public',
  'POST   /register  public',
  'GET    /sign-in  public',
  'GET    /sign-in/:uid  public',
  'POST   /sign-in/:uid/abandon  public',
  'POST   /sign-in/:uid/password  public',
  'POST   /sign-in/:uid/providers/:providerId  public',
  'GET    /sign-in/:uid/register  public',
  'POST   /sign-in/:uid/register  public',
  'POST   /sign-in/password  public',
  'POST   /sign-in/providers/:providerId  public',
  'GET    /signed-out  public',
  'GET    /verification  public',
  'POST   /verification  public',
  'GET    /verify-email/:token  public',
  'POST   /verify-email/:token  public',
];

const nameOf = (access: Access | undefined): string => {
  if (access === undefined) return 'nobody';
  switch (access.kind) {
    case 'permission':
      return access.permission;
    case 'role':
      return `role ${access.role}`;
    default:
      return access.kind;
  }
};

describe('the routes of the identity server', () => {
  it('each declare who may call them', async () => {
    const app = await NestFactory.createApplicationContext(IdentityModule.of(nothing), { logger: false });
    const routes = app
      .get(Routes)
      .list()
      .map(({ method, path, access }) => `${method.padEnd(6)} ${path}  ${nameOf(access)}`)
      .toSorted((a, b) => a.slice(7).localeCompare(b.slice(7)));
    await app.close();
    expect(routes).toEqual(ROUTES);
  });

  it('do not let the server start when one declares nothing', async () => {
    @Controller('/forgotten')
    class ForgottenController {
      @Get('/it')
      show(): string {
        return 'secret';
      }
    }
    @Module({ imports: [AccessModule], controllers: [ForgottenController] })
    class Forgetful {}
    await expect(
      NestFactory.createApplicationContext(Forgetful, { logger: false, abortOnError: false }),
    ).rejects.toThrow('GET /forgotten/it (ForgottenController.show)');
  });
});
