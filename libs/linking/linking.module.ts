import { Inject, Module } from '@nestjs/common';
import { CommandHandler } from '@nestjs/cqrs';
import type { ICommandHandler } from '@nestjs/cqrs';
import { LINKING_DEPENDENCIES } from './commands/linking-dependencies.js';
import type { LinkingDependencies } from './commands/linking-dependencies.js';
import { LoginViaIdp } from './commands/login-via-idp.command.js';
import type { LoginResult } from './commands/login-via-idp.command.js';
import { loginViaIdp } from './commands/login-via-idp.js';
import { UnlinkExternalIdentity } from './commands/unlink-external-identity.command.js';
import type { UnlinkResult } from './commands/unlink-external-identity.command.js';
import { unlinkExternalIdentity } from './commands/unlink-external-identity.js';
import type { EndSessionsOfClaim } from './commands/unlink-external-identity.js';

@CommandHandler(LoginViaIdp)
export class LoginViaIdpHandler implements ICommandHandler<LoginViaIdp> {
  constructor(@Inject(LINKING_DEPENDENCIES) private readonly dependencies: LinkingDependencies) {}

  execute(command: LoginViaIdp): Promise<LoginResult> {
    return loginViaIdp(this.dependencies, command);
  }
}

@CommandHandler(UnlinkExternalIdentity)
export class UnlinkExternalIdentityHandler implements ICommandHandler<UnlinkExternalIdentity> {
  constructor(
    @Inject(LINKING_DEPENDENCIES) private readonly dependencies: LinkingDependencies & { readonly endSessionsOfClaim: EndSessionsOfClaim },
  ) {}

  execute(command: UnlinkExternalIdentity): Promise<UnlinkResult> {
    return unlinkExternalIdentity(this.dependencies, command);
  }
}

/** The commands of linking. Needs LINKING_DEPENDENCIES from the application. */
@Module({ providers: [LoginViaIdpHandler, UnlinkExternalIdentityHandler] })
export class LinkingModule {}
