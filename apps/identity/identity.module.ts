import { Controller, Get, Module, NotFoundException, Param, Res } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import type { Response } from 'express';
import { ACCOUNT_DEPENDENCIES } from '#libs/account-pages/account-dependencies.js';
import { AccountPagesModule } from '#libs/account-pages/account-pages.module.js';
import { ACCOUNTS_DEPENDENCIES } from '#libs/accounts/account-dependencies.js';
import { AccountsModule } from '#libs/accounts/accounts.module.js';
import { ADMINISTRATION_DEPENDENCIES } from '#libs/administration/administration-dependencies.js';
import { AdministrationModule } from '#libs/administration/administration.module.js';
import { AUDIT_DEPENDENCIES } from '#libs/audit/audit-dependencies.js';
import { AuditModule } from '#libs/audit/audit.module.js';
import { LINKING_DEPENDENCIES } from '#libs/linking/commands/linking-dependencies.js';
import { LinkingModule } from '#libs/linking/linking.module.js';
import { OutboxModule } from '#libs/mail/outbox.controller.js';
import { CONSENT_DEPENDENCIES } from '#libs/openid-provider/consent/consent-dependencies.js';
import { OpenIdProviderModule } from '#libs/openid-provider/open-id-provider.module.js';
import { SIGN_IN_DEPENDENCIES } from '#libs/sign-in/sign-in-dependencies.js';
import { SignInModule } from '#libs/sign-in/sign-in.module.js';
import { STYLESHEET } from '#libs/web/stylesheet.js';
import { themeStylesheet } from '#libs/web/theme.js';
import type { IdentityDependencies } from './dependencies.js';

@Controller()
export class StaticController {
  @Get('/')
  home(@Res() response: Response): void {
    response.redirect(303, '/account');
  }

  @Get('/assets/style.css')
  stylesheet(@Res() response: Response): void {
    response
      .set({ 'cache-control': 'public, max-age=3600', 'x-content-type-options': 'nosniff' })
      .type('css')
      .send(STYLESHEET);
  }

  @Get('/assets/theme/:file')
  theme(@Param('file') file: string, @Res() response: Response): void {
    const stylesheet = themeStylesheet(file);
    if (stylesheet === undefined) throw new NotFoundException();
    response
      .set({ 'cache-control': 'public, max-age=3600', 'x-content-type-options': 'nosniff' })
      .type('css')
      .send(stylesheet);
  }
}

/** Hands the dependencies to the modules of the contexts. */
@Module({})
export class DependenciesModule {
  static of({
    linking,
    accounts,
    administration,
    signIn,
    consent,
    account,
    audit,
  }: IdentityDependencies): DynamicModule {
    const providers = [
      { provide: LINKING_DEPENDENCIES, useValue: linking },
      { provide: ACCOUNTS_DEPENDENCIES, useValue: accounts },
      { provide: SIGN_IN_DEPENDENCIES, useValue: signIn },
      { provide: CONSENT_DEPENDENCIES, useValue: consent },
      { provide: ACCOUNT_DEPENDENCIES, useValue: account },
      { provide: AUDIT_DEPENDENCIES, useValue: audit },
      { provide: ADMINISTRATION_DEPENDENCIES, useValue: administration },
    ];
    return { module: DependenciesModule, global: true, providers, exports: providers };
  }
}

@Module({})
export class IdentityModule {
  static of(dependencies: IdentityDependencies): DynamicModule {
    return {
      module: IdentityModule,
      imports: [
        CqrsModule.forRoot(),
        DependenciesModule.of(dependencies),
        AccountsModule,
        LinkingModule,
        SignInModule,
        OpenIdProviderModule,
        AccountPagesModule,
        AuditModule,
        AdministrationModule,
        ...(dependencies.outbox ? [OutboxModule.of(dependencies.outbox)] : []),
      ],
      controllers: [StaticController],
    };
  }
}
