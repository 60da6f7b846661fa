import { Inject, Module } from '@nestjs/common';
import { CommandHandler } from '@nestjs/cqrs';
import { USERS_DEPENDENCIES } from './users-dependencies.js';
import type { UsersDependencies } from './users-dependencies.js';
import {
  addEmail,
  changeDisplayName,
  changeUsername,
  deactivateUser,
  grantRole,
  reactivateUser,
  recoverAccount,
  registerUser,
  removePassword,
  reviewSignInMethods,
  revokeRole,
  setPassword,
  verifyEmail,
} from './commands/account-commands.js';
import {
  AddEmail,
  ChangeDisplayName,
  ChangeUsername,
  DeactivateUser,
  EraseUser,
  GrantRole,
  ReactivateUser,
  RecoverAccount,
  RemovePassword,
  ReviewSignInMethods,
  RevokeRole,
  SetPassword,
  VerifyEmail,
} from './commands/account.command.js';
import { eraseUser } from './commands/erase-user.js';
import { RegisterUser } from './commands/register-user.command.js';

/** @nestjs/cqrs dispatches to classes; each of ours is a function of its dependencies and the command. */
const handlerOf = <C extends object, R>(
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- a class of any constructor
  command: new (...args: any[]) => C,
  run: (dependencies: UsersDependencies, command: C) => Promise<R>,
) => {
  @CommandHandler(command as never)
  class Handler {
    constructor(@Inject(USERS_DEPENDENCIES) private readonly dependencies: UsersDependencies) {}

    execute(given: C): Promise<R> {
      return run(this.dependencies, given);
    }
  }
  return Handler;
};

/** The commands on accounts. Needs USERS_DEPENDENCIES from the application. */
@Module({
  providers: [
    handlerOf(RegisterUser, registerUser),
    handlerOf(ChangeDisplayName, changeDisplayName),
    handlerOf(ChangeUsername, changeUsername),
    handlerOf(AddEmail, addEmail),
    handlerOf(VerifyEmail, verifyEmail),
    handlerOf(SetPassword, setPassword),
    handlerOf(RemovePassword, removePassword),
    handlerOf(RecoverAccount, recoverAccount),
    handlerOf(ReviewSignInMethods, reviewSignInMethods),
    handlerOf(DeactivateUser, deactivateUser),
    handlerOf(ReactivateUser, reactivateUser),
    handlerOf(EraseUser, eraseUser),
    handlerOf(GrantRole, grantRole),
    handlerOf(RevokeRole, revokeRole),
  ],
})
export class UsersModule {}
