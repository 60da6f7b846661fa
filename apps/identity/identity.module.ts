import { Controller, Get, Module, NotFoundException, Param } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { ACCOUNT_DEPENDENCIES } from '#libs/account-pages/account-dependencies.js';
import { AccountPagesModule } from '#libs/account-pages/account-pages.module.js';
import { USERS_DEPENDENCIES } from '#libs/users/users-dependencies.js';
import { UsersModule } from '#libs/users/users.module.js';
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
import { Public } from '#libs/web/access/access.js';
import { AccessModule } from '#libs/web/access/access.module.js';
import { AccessTokens } from '#libs/web/access/access-tokens.js';
import { AssetAnswer, redirect } from '#libs/web/answer.js';
import type { RedirectAnswer } from '#libs/web/answer.js';
import { BrowserPipe, BrowserSecurity } from '#libs/web/browser.js';
import { STYLESHEET } from '#libs/web/stylesheet.js';
import { themeStylesheet } from '#libs/web/theme.js';
import type { IdentityDependencies } from './dependencies.js';

/** Assets of the pages; the same for everybody, for an hour. */
@Controller()
@Public()
export class AssetsController {
  @Get('/')
  home(): RedirectAnswer {
    return redirect('/account');
  }

  @Get('/assets/style.css')
  stylesheet(): AssetAnswer {
    return new AssetAnswer('css', STYLESHEET);
  }

  @Get('/assets/theme/:file')
  theme(@Param('file') file: string): AssetAnswer {
    const stylesheet = themeStylesheet(file);
    if (stylesheet === undefined) throw new NotFoundException();
    return new AssetAnswer('css', stylesheet);
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
    openIdProvider,
  }: IdentityDependencies): DynamicModule {
    const providers = [
      { provide: LINKING_DEPENDENCIES, useValue: linking },
      { provide: USERS_DEPENDENCIES, useValue: accounts },
      { provide: SIGN_IN_DEPENDENCIES, useValue: signIn },
      { provide: CONSENT_DEPENDENCIES, useValue: consent },
      { provide: ACCOUNT_DEPENDENCIES, useValue: account },
      { provide: AUDIT_DEPENDENCIES, useValue: audit },
      { provide: ADMINISTRATION_DEPENDENCIES, useValue: administration },
      { provide: BrowserSecurity, useValue: { cookies: signIn.cookies, csrf: signIn.csrf } },
      BrowserPipe,
      { provide: AccessTokens, useValue: { verify: openIdProvider.verifyAccessToken.bind(openIdProvider) } },
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
        AccessModule,
        DependenciesModule.of(dependencies),
        UsersModule,
        LinkingModule,
        SignInModule,
        OpenIdProviderModule,
        AccountPagesModule,
        AuditModule,
        AdministrationModule,
        ...(dependencies.outbox ? [OutboxModule.of(dependencies.outbox)] : []),
      ],
      controllers: [AssetsController],
    };
  }
}
