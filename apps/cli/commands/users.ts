import { setTimeout as delay } from 'node:timers/promises';
import { Command, InvalidArgumentError } from 'commander';
import { decideStartErasure } from '#libs/users/decide.js';
import { executeOnAccount } from '#libs/users/execute-on-account.js';
import { loadAccount } from '#libs/users/queries/load-account.js';
import { loadErasure } from '#libs/users/queries/load-erasure.js';
import { counts, exists } from '#libs/users/state.js';
import type { Account } from '#libs/users/state.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import { isUuid } from '#libs/platform/ids.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { readModelsBehind } from '#libs/projection-engine/wait-for-position.js';
import { operatorContext, withEventStore } from '../connections.js';
import { EXIT, UsageError } from '../exit-codes.js';
import { print } from '../output.js';

const POLL_MS = 100;

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
    .option('--wait <seconds>', 'how long to wait until nothing shows the person any more', secondsOf, 30)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nThe projector has to run: it finishes the erasure. Exit code 1 while anything may still show the person; the same\n' +
        'command again says how far it is.\n\n' +
        'Example:\n  $ ligature users erase 0198c5a2-6f0e-7a10-9d2b-3f5c1e7b8a90 --yes',
    )
    .action(async (id: string, { json, wait }: { json?: boolean; wait: number }) => {
      const left = await withEventStore(async ({ store, pool }) => {
        const { organizationId = '' } = await existing(store, id);
        const context = operatorContext();
        await executeOnAccount(store, {
          userId: id,
          organizationId,
          context,
          decide: decideStartErasure,
          onlyActive: false,
        });
        return untilErased(pool, store, { userId: id, organizationId }, wait * 1_000);
      });
      if (left.length === 0) return print(json, { userId: id, status: 'erased' }, [`User ${id} is erased.`]);
      print(json, { userId: id, status: 'in_progress', waitingFor: left }, [
        `The erasure of ${id} has begun: nobody can sign in to it. It is not done: it waits for ${left.join(', ')}.`,
        'The projector finishes it: "ligature projections status" says how far the read models are.',
        'Run this command again to see whether it is done.',
      ]);
      process.exitCode = EXIT.checkFailed;
    });
  return users;
};

const existing = async (store: EventStore, id: string): Promise<Account> => {
  if (!isUuid(id)) throw new UsageError(`"${id}" is not a user id; it looks like 0198c5a2-6f0e-7a10-9d2b-3f5c1e7b8a90`);
  const { state } = await loadAccount(store, id);
  if (!exists(state)) throw new UsageError(`There is no user ${id}.`);
  return state;
};

/** @returns what the erasure still waits for when the time is up; nothing: it is done */
const untilErased = async (
  pool: Pool,
  store: EventStore,
  target: { readonly userId: string; readonly organizationId: string },
  patienceMs: number,
): Promise<readonly string[]> => {
  for (const deadline = Date.now() + patienceMs; ; await delay(POLL_MS)) {
    const erasure = await loadErasure(store, target, (position) => readModelsBehind(pool, position, 0));
    if (!erasure) throw new Error(`The erasure of ${target.userId} was not begun; run this command again.`);
    if (erasure.status === 'done' || Date.now() >= deadline) return erasure.waitingFor;
  }
};

const secondsOf = (text: string): number => {
  if (!/^[0-9]{1,5}$/.test(text)) throw new InvalidArgumentError('Give whole seconds, such as 30.');
  return Number(text);
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
  links: account.links.map((link) => ({
    claimId: link.claimId,
    providerId: link.providerId,
    onHold: !counts(link),
  })),
});

const linesOf = ({ links, roles, password, ...rest }: ReturnType<typeof shownOf>): string[] => [
  ...Object.entries(rest).map(([name, value]) => `${name.padEnd(16)} ${value ?? '–'}`),
  `${'password'.padEnd(16)} ${password ? 'set' : '–'}`,
  `${'roles'.padEnd(16)} ${roles.join(', ') || '–'}`,
  ...links.map(
    ({ claimId, providerId, onHold }) =>
      `${'link'.padEnd(16)} ${providerId} ${claimId}${onHold ? ', on hold since a recovery' : ''}`,
  ),
];
