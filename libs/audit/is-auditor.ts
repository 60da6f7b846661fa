import { maySignIn } from '#libs/users/state.js';
import type { Account } from '#libs/users/state.js';

/** Whether somebody may read the histories of the organization that they are signed in to. */
export const isAuditor = (account: Account, organizationId: string): boolean =>
  maySignIn(account, organizationId) && account.roles.has('auditor');
