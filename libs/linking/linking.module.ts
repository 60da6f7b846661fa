import { Inject, Module } from '@nestjs/common';
import { CommandHandler } from '@nestjs/cqrs';
import type { ICommandHandler } from '@nestjs/cqrs';
import { LINKING_DEPENDENCIES } from './commands/linking-dependencies.js';
import type { LinkingDependencies } from './commands/linking-dependencies.js';
import { LinkProvenAccount } from './commands/link-proven-account.command.js';
import type { LinkProvenAccountResult } from './commands/link-proven-account.command.js';
import { linkProvenAccount } from './commands/link-proven-account.js';
import { RegisterViaIdp } from './commands/register-via-idp.command.js';
import type { RegisterViaIdpResult } from './commands/register-via-idp.command.js';
import { registerViaIdp } from './commands/register-via-idp.js';
import { LoginViaIdp } from './commands/login-via-idp.command.js';
import type { LoginResult } from './commands/login-via-idp.command.js';
import { loginViaIdp } from './commands/login-via-idp.js';
import { UnlinkExternalIdentity } from './commands/unlink-external-identity.command.js';
import type { UnlinkResult } from './commands/unlink-external-identity.command.js';
import { unlinkExternalIdentity } from './commands/unlink-external-identity.js';
import type { CarryOutRevocations } from './commands/unlink-external-identity.js';

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
    @Inject(LINKING_DEPENDENCIES)
    private readonly dependencies: LinkingDependencies & { readonly carryOutRevocations: CarryOutRevocations },
  ) {}

  execute(command: UnlinkExternalIdentity): Promise<UnlinkResult> {
    return unlinkExternalIdentity(this.dependencies, command);
  }
}

@CommandHandler(LinkProvenAccount)
export class LinkProvenAccountHandler implements ICommandHandler<LinkProvenAccount> {
  constructor(@Inject(LINKING_DEPENDENCIES) private readonly dependencies: LinkingDependencies) {}

  execute(command: LinkProvenAccount): Promise<LinkProvenAccountResult> {
    return linkProvenAccount(this.dependencies, command);
  }
}

@CommandHandler(RegisterViaIdp)
export class RegisterViaIdpHandler implements ICommandHandler<RegisterViaIdp> {
  constructor(@Inject(LINKING_DEPENDENCIES) private readonly dependencies: LinkingDependencies) {}

  execute(command: RegisterViaIdp): Promise<RegisterViaIdpResult> {
    return registerViaIdp(this.dependencies, command);
  }
}

/** The commands of linking. Needs LINKING_DEPENDENCIES from the application. */
@Module({
  providers: [LoginViaIdpHandler, LinkProvenAccountHandler, RegisterViaIdpHandler, UnlinkExternalIdentityHandler],
})
export class LinkingModule {}
