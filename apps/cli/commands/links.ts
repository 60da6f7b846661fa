import { Command } from 'commander';
import { unlinkExternalIdentity } from '#libs/linking/commands/unlink-external-identity.js';
import { UnlinkExternalIdentity } from '#libs/linking/commands/unlink-external-identity.command.js';
import { systemClock } from '#libs/platform/clock.js';
import { readConfiguration, secret32 } from '#libs/platform/configuration.js';
import { newUuid } from '#libs/platform/ids.js';
import { createIndexKeys } from '#libs/privacy/index-key.js';
import { linksOfProvider } from '#projections/links/read-model.js';
import type { LinkView } from '#projections/links/read-model.js';
import { loadAccount } from '#libs/users/queries/load-account.js';
import { operatorContext, withEventStore, withReadModels } from '../connections.js';
import { UsageError } from '../exit-codes.js';
import { print, table } from '../output.js';

interface Window {
  readonly provider: string;
  readonly from: string;
  readonly to?: string;
  readonly json?: boolean;
}

/** `ligature links list|undo --provider ID --from T --to T` */
export const linksCommand = (): Command => {
  const links = new Command('links').description('links of external identities, by provider and time');
  const window = (command: Command): Command =>
    command
      .requiredOption('--provider <id>', 'the identity provider')
      .requiredOption('--from <time>', 'links made since then (ISO 8601)')
      .option('--to <time>', 'links made until then; now unless told')
      .option('--json', 'print JSON');
  window(links.command('list').description('links that were made in a window of time'))
    .addHelpText('after', '\nExample:\n  $ ligature links list --provider acme --from 2026-03-03T12:00:00Z')
    .action(async (asked: Window) => {
      const found = await linksIn(asked);
      print(asked.json, found.map(shown), listOf(found));
    });
  window(
    links
      .command('undo')
      .description('unlink what was linked in a window of time, when a provider turned out not to be what it said'),
  )
    .option('--yes', 'do it; without it, only what would be done is shown')
    .option('--force', 'also where it is the last way in of an active user')
    .addHelpText(
      'after',
      '\nSessions that were opened through these links end; the projector sees to that.\n\nExample:\n  $ ligature links undo --provider acme --from 2026-03-03T12:00:00Z --to 2026-03-03T13:00:00Z --yes',
    )
    .action(async (asked: Window & { readonly yes?: boolean; readonly force?: boolean }) => {
      const found = await linksIn(asked);
      if (!asked.yes) {
        print(asked.json, { undone: [], wouldUndo: found.map(shown) }, [
          ...listOf(found),
          '',
          `${found.length} links would be undone. Nothing was changed; add --yes to do it.`,
        ]);
        return;
      }
      const outcomes = await undo(found, asked.force === true);
      const refused = outcomes.filter(({ outcome }) => outcome !== 'unlinked');
      print(asked.json, { undone: outcomes.filter(({ outcome }) => outcome === 'unlinked'), refused }, [
        ...outcomes.map(({ userId, claimId, outcome }) => `${userId}  ${claimId}  ${outcome}`),
        `${outcomes.length - refused.length} links were undone, ${refused.length} refused.`,
      ]);
      if (refused.length > 0) process.exitCode = 1;
    });
  return links;
};

const moment = (name: string, text: string): Date => {
  const date = new Date(text);
  if (Number.isNaN(date.getTime()))
    throw new UsageError(`--${name} is no time: ${text}; it looks like 2026-03-03T12:00:00Z`);
  return date;
};

const linksIn = async ({ provider, from, to }: Window): Promise<LinkView[]> => {
  const [since, until] = [moment('from', from), to === undefined ? systemClock() : moment('to', to)];
  if (since > until) throw new UsageError('--from is later than --to');
  return withReadModels((readModels) => linksOfProvider(readModels, provider, since, until));
};

const shown = ({ claimId, userId, providerId, origin, linkedAt, lastUsedAt, onHold }: LinkView) => ({
  claimId,
  userId,
  providerId,
  origin,
  linkedAt: linkedAt.toISOString(),
  lastUsedAt: lastUsedAt?.toISOString() ?? null,
  onHold,
});

const listOf = (found: readonly LinkView[]): string[] =>
  table([
    ['LINKED AT', 'USER', 'CLAIM', 'ORIGIN', 'LAST USED'],
    ...found.map((link) => {
      const { linkedAt, userId, claimId, origin, lastUsedAt } = shown(link);
      return [linkedAt, userId, claimId, origin, lastUsedAt ?? 'never'];
    }),
  ]);

const undo = async (found: readonly LinkView[], force: boolean) => {
  const { LIGATURE_INDEX_SECRET } = readConfiguration({ LIGATURE_INDEX_SECRET: secret32 });
  return withEventStore(async ({ store }) => {
    const dependencies = {
      store,
      clock: systemClock,
      newId: newUuid,
      indexKeys: createIndexKeys(LIGATURE_INDEX_SECRET),
      // The command line's database role has no business with sessions: the process manager ends them, by the event.
      carryOutRevocations: () => Promise.resolve(),
    };
    const outcomes = [];
    for (const { userId, claimId } of found) {
      const { organizationId = '' } = (await loadAccount(store, userId)).state;
      const command = new UnlinkExternalIdentity(userId, organizationId, claimId, operatorContext(), force, true);
      const { outcome } = await unlinkExternalIdentity(dependencies, command);
      outcomes.push({ userId, claimId, outcome: outcome.kind === 'refused' ? outcome.code : outcome.kind });
    }
    return outcomes;
  });
};
