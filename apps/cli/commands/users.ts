import { setTimeout as delay } from 'node:timers/promises';
import { Command } from 'commander';
import { decideStartErasure } from '#libs/users/decide.js';
import { executeOnAccount } from '#libs/users/execute-on-account.js';
import { loadAccount } from '#libs/users/queries/load-account.js';
import { exists } from '#libs/users/state.js';
import type { Account } from '#libs/users/state.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import { isUuid } from '#libs/platform/ids.js';
import { operatorContext, withEventStore } from '../connections.js';
import { UsageError } from '../exit-codes.js';
import { print } from '../output.js';

const ERASURE_PATIENCE_MS = 30_000;

/** `ligature users show|erase ID` */
export const usersCommand = (): Command => {
  const users = new Command('users').description('user accounts, from their event streams');
  users
    .command('show')
    .description('an account as its stream says now')
    .argument('<id>', 'the user id: what relying parties get as "sub"')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ ligature users show 0198c5a2-6f0e-7a10-9d2b-3f5c1e7b8a90')
    .action(async (id: string, { json }: { json?: boolean }) => {
      const shown = shownOf(id, await withEventStore(({ store }) => existing(store, id)));
      print(json, shown, linesOf(shown));
    });
  users
    .command('erase')
    .description('erase a person: destroy the key of their personal data for ever; the history keeps what happened')
    .argument('<id>', 'the user id')
    .requiredOption('--yes', 'yes, for ever')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nThe projector has to run: it finishes the erasure.\n\nExample:\n  $ ligature users erase 0198c5a2-6f0e-7a10-9d2b-3f5c1e7b8a90 --yes',
    )
    .action(async (id: string, { json }: { json?: boolean }) => {
      await withEventStore(async ({ store }) => {
        const { organizationId = '' } = await existing(store, id);
        const context = operatorContext();
        await executeOnAccount(store, {
          userId: id,
          organizationId,
          context,
          decide: decideStartErasure,
          onlyActive: false,
        });
        await untilErased(store, id);
      });
      print(json, { userId: id, status: 'erased' }, [`User ${id} is erased.`]);
    });
  return users;
};

const existing = async (store: EventStore, id: string): Promise<Account> => {
  if (!isUuid(id)) throw new UsageError(`"${id}" is not a user id; it looks like 0198c5a2-6f0e-7a10-9d2b-3f5c1e7b8a90`);
  const { state } = await loadAccount(store, id);
  if (!exists(state)) throw new UsageError(`There is no user ${id}.`);
  return state;
};

const untilErased = async (store: EventStore, id: string): Promise<void> => {
  const deadline = Date.now() + ERASURE_PATIENCE_MS;
  while ((await loadAccount(store, id)).state.status !== 'erased') {
    if (Date.now() > deadline)
      throw new Error(
        `The erasure of ${id} has begun: nobody can sign in to it. The projector finishes it; it does not seem to run.`,
      );
    await delay(100);
  }
};

/** What an account looks like from outside: which credentials there are, never what they hold. */
const shownOf = (userId: string, account: Account) => ({
  userId,
  organizationId: account.organizationId,
  status: account.status,
  displayName: account.displayName ?? null,
  username: account.username?.username ?? null,
  verifiedEmail: account.verifiedEmail?.address ?? null,
  unverifiedEmail: account.unverifiedEmail?.address ?? null,
  password: account.passwordHash !== undefined,
  roles: [...account.roles],
  links: account.links.map(({ claimId, providerId }) => ({ claimId, providerId })),
});

const linesOf = ({ links, roles, password, ...rest }: ReturnType<typeof shownOf>): string[] => [
  ...Object.entries(rest).map(([name, value]) => `${name.padEnd(16)} ${value ?? '–'}`),
  `${'password'.padEnd(16)} ${password ? 'set' : '–'}`,
  `${'roles'.padEnd(16)} ${roles.join(', ') || '–'}`,
  ...links.map(({ claimId, providerId }) => `${'link'.padEnd(16)} ${providerId} ${claimId}`),
];
