import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { Command } from 'commander';
import { stringify } from 'yaml';
import { z } from 'zod';
import { endOfLog } from '#libs/event-store/read-log.js';
import { changeIdentityProvider } from '#libs/identity-providers/commands/change-identity-provider.js';
import {
  announceRemoval,
  cancelRemoval,
  commitRemoval,
} from '#libs/identity-providers/commands/remove-identity-provider.js';
import type {
  RemovalDependencies,
  RemovalOutcome,
} from '#libs/identity-providers/commands/remove-identity-provider.js';
import { decideActivate, decideDeactivate } from '#libs/identity-providers/decide.js';
import type { ProviderOutcome, ProviderRefusalCode } from '#libs/identity-providers/decide.js';
import { inspectProvider } from '#libs/identity-providers/inspection.js';
import { previewMapping } from '#libs/identity-providers/mapping-preview.js';
import { loadIdentityProvider } from '#libs/identity-providers/queries/load-identity-provider.js';
import type { IdentityProviderSettings } from '#libs/identity-providers/settings.js';
import { providerTemplates } from '#libs/identity-providers/templates.js';
import { countPeopleWithoutWayIn } from '#libs/linking/queries/people-without-way-in.js';
import { systemClock } from '#libs/platform/clock.js';
import { readConfiguration } from '#libs/platform/configuration.js';
import { slugSchema } from '#libs/platform/slug.js';
import { waitForPosition } from '#libs/projection-engine/wait-for-position.js';
import { callbackUrl } from '#libs/sign-in/sign-in-dependencies.js';
import { linksByProvider, usersOfProviders } from '#projections/links/read-model.js';
import { allProviders } from '#projections/providers/read-model.js';
import type { ProviderView } from '#projections/providers/read-model.js';
import {
  issuerShape,
  operatorContext,
  providerPolicy,
  READ_MODEL_PATIENCE_MS,
  withEventStore,
  withReadModels,
} from '../connections.js';
import { EXIT, UsageError } from '../exit-codes.js';
import { print, table } from '../output.js';
import { importProvider } from './import-provider.js';

interface Asked {
  readonly json?: boolean;
}

/** `ligature providers list|templates|import|preview|test|activate|deactivate|remove` */
export const providersCommand = (): Command => {
  const providers = new Command('providers').description(
    'identity providers: which there are, whether they work, and their end',
  );
  providers
    .command('list')
    .description('every identity provider, with its state and how many identities are linked')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ ligature providers list')
    .action(async ({ json }: Asked) => {
      const listed = await withReadModels(async (readModels) => {
        const links = await linksByProvider(readModels);
        return (await allProviders(readModels)).map((provider) => shown(provider, links.get(provider.providerId) ?? 0));
      });
      print(json, listed, [
        ...table([
          ['PROVIDER', 'KIND', 'STATE', 'BELONGS TO', 'LINKS', 'ISSUER'],
          ...listed.map(({ id, kind, state, organizationId, links, issuer }) => [
            id,
            kind,
            state,
            organizationId ?? 'installation',
            String(links),
            issuer,
          ]),
        ]),
      ]);
    });
  providers
    .command('test')
    .description('ask a provider: metadata, keys, clock, redirect URI, client; says what to fix')
    .argument('<id>', 'the provider')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nNobody signs in, and nothing is changed.\n\nExample:\n  $ ligature providers test acme')
    .action(async (id: string, { json }: Asked) => {
      const { LIGATURE_ISSUER: issuer } = readConfiguration(issuerShape);
      const settings = await settingsOf(id);
      const inspection = { policy: providerPolicy(), now: systemClock(), callbackUrl: callbackUrl(issuer, settings) };
      const findings = await inspectProvider(settings, inspection);
      print(json, findings, [
        ...table(findings.map(({ state, check, detail }) => [MARKS[state], check.replace('_', ' '), detail])),
        ...findings.flatMap(({ fix }) => (fix === undefined ? [] : [`→ ${fix}`])),
      ]);
      if (findings.some(({ state }) => state === 'failed')) process.exitCode = EXIT.checkFailed;
    });
  providers
    .command('templates')
    .description('settings that fit well-known providers, to begin with: template: NAME in the configuration file')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ ligature providers templates')
    .action(({ json }: Asked) => {
      const listed = Object.entries(providerTemplates).map(([name, { parameters, linkingPolicy, why }]) => ({
        name,
        parameters: Object.fromEntries(
          Object.entries(parameters).map(([parameter, { description }]) => [parameter, description]),
        ),
        linkingPolicy,
        why,
      }));
      print(
        json,
        listed,
        listed.flatMap(({ name, parameters, linkingPolicy, why }) => [
          name,
          ...Object.entries(parameters).map(([parameter, description]) => `  ${parameter}: ${description}`),
          `  believed addresses: ${linkingPolicy.emailTrustedDomains?.join(', ') || 'none'}`,
          `  ${why}`,
        ]),
      );
    });
  providers
    .command('import')
    .description(
      'the beginning of a provider’s entry in the configuration file, from what it publishes: SAML metadata or OpenID Connect discovery',
    )
    .argument('<source>', 'an address or a file')
    .requiredOption('--id <id>', 'what the provider is called here')
    .option('--entity-id <entity>', 'which provider, where the metadata is a federation’s')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nNothing is changed: put the entry under identityProviders and apply the file.\n\nExample:\n  $ ligature providers import https://corp.example/saml/metadata --id corp',
    )
    .action(
      async (source: string, { id, entityId, json }: Asked & { readonly id: string; readonly entityId?: string }) => {
        const declared = await importProvider(
          source,
          { id: providerId(id), entityId },
          providerPolicy(),
          systemClock(),
        );
        print(json, declared, [stringify({ identityProviders: [declared] }).trimEnd()]);
      },
    );
  providers
    .command('preview')
    .description('what would be taken over of what a provider says of somebody')
    .argument('<id>', 'the provider')
    .argument('<file>', 'JSON: claims of an id_token, the object of a user API, or SAML attributes with one value each')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ ligature providers preview acme claims.json')
    .action(async (id: string, file: string, { json }: Asked) => {
      const said = await readSaid(file);
      const preview = previewMapping(await settingsOf(id), said);
      print(json, preview, [
        `named by       ${preview.subject}`,
        ...Object.entries(preview.claims).map(([claim, value]) => `${claim.padEnd(14)} ${value}`),
        `left out       ${preview.leftOut.join(', ') || 'nothing'}`,
      ]);
    });
  const change = (
    name: 'activate' | 'deactivate',
    description: string,
    decide: typeof decideActivate,
    sentence: string,
  ): void => {
    providers
      .command(name)
      .description(description)
      .argument('<id>', 'the provider')
      .addHelpText('after', `\nExample:\n  $ ligature providers ${name} acme`)
      .action(async (id: string) => {
        const { outcome } = await withEventStore(({ store }) =>
          changeIdentityProvider(store, providerId(id), decide, operatorContext()),
        );
        refuseUnlessDone(id, outcome);
        print(false, undefined, [`${id} ${sentence}`]);
      });
  };
  change(
    'deactivate',
    'nobody signs in through it any more; every link stays',
    decideDeactivate,
    'is deactivated; its links are kept.',
  );
  change('activate', 'people sign in through it again, by the links they had', decideActivate, 'is active.');
  providers
    .command('remove')
    .description('remove a provider for ever, if nobody would lose their last way in')
    .argument('<id>', 'the provider')
    .option('--force', 'also if people lose their last way in')
    .option('--cancel', 'take back a removal that was announced')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
The removal is announced first: from then on the provider counts for nobody as a way in. After some seconds, when everything that began before
has ended, the people who would be left without a way in are counted, and it is removed or kept. The projector has to run.

Example:
  $ ligature providers remove acme`,
    )
    .action(
      async (id: string, { force, cancel, json }: Asked & { readonly force?: boolean; readonly cancel?: boolean }) => {
        const outcome = await withReadModels((readModels) =>
          withEventStore(async ({ store, connection, pool }) => {
            const linkedUsers: RemovalDependencies['linkedUsers'] = async function* (provider) {
              await waitForPosition(pool, 'links', (await endOfLog(connection)) ?? -1n, READ_MODEL_PATIENCE_MS);
              yield* usersOfProviders(readModels, provider);
            };
            const countUsersWithoutMethod = countPeopleWithoutWayIn;
            const dependencies = { store, clock: systemClock, linkedUsers, countUsersWithoutMethod };
            if (!cancel) return remove(dependencies, id, force === true);
            await settled(id, cancelRemoval(dependencies, providerId(id), operatorContext()));
            return { kind: 'cancelled' } as const;
          }),
        );
        print(json, outcome, [sentenceOf(id, outcome)]);
        if (outcome.kind === 'would_take_last_way_in') process.exitCode = EXIT.checkFailed;
      },
    );
  return providers;
};

const settingsOf = async (id: string): Promise<IdentityProviderSettings> => {
  const { settings } = await withEventStore(({ store }) => loadIdentityProvider(store, providerId(id)));
  if (!settings) throw new UsageError(`There is no identity provider ${id}.`);
  return settings;
};

const readSaid = async (file: string): Promise<Record<string, unknown>> => {
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    throw new UsageError(`${file} holds no JSON object.`);
  }
};

const MARKS = { ok: 'ok', warning: 'warn', failed: 'FAIL' } as const;

type Removed = Exclude<RemovalOutcome, { kind: 'not_settled' | 'refused' }> | { readonly kind: 'cancelled' };

const remove = async (dependencies: RemovalDependencies, id: string, force: boolean): Promise<Removed> => {
  const context = operatorContext();
  await settled(id, announceRemoval(dependencies, providerId(id), context));
  for (;;) {
    const outcome = await commitRemoval(dependencies, id, { force }, context);
    if (outcome.kind === 'not_settled') {
      console.error(
        `The removal of ${id} is announced; waiting ${Math.ceil(outcome.waitMs / 1_000)} s for what began before.`,
      );
      await delay(outcome.waitMs);
      continue;
    }
    if (outcome.kind === 'refused') throw new UsageError(REFUSALS[outcome.code](id));
    // It counts for people again: whoever ran this knows now, and may insist.
    if (outcome.kind === 'would_take_last_way_in') await settled(id, cancelRemoval(dependencies, id, context));
    return outcome;
  }
};

const REFUSALS: Readonly<Record<ProviderRefusalCode, (id: string) => string>> = {
  provider_not_found: (id) => `There is no identity provider ${id}.`,
  provider_removed: (id) => `${id} was removed, for ever.`,
  provider_belongs_to_another: (id) => `${id} belongs to another organization.`,
  removal_not_announced: (id) => `The removal of ${id} was cancelled meanwhile.`,
  people_would_lose_their_last_way_in: (id) => `People would lose their last way in with ${id}.`,
};

const sentenceOf = (id: string, outcome: Removed): string => {
  switch (outcome.kind) {
    case 'cancelled':
      return `${id} is kept.`;
    case 'removed':
      return `${id} is removed. ${outcome.peopleWithoutWayIn} people lost their last way in.`;
    case 'would_take_last_way_in':
      return `${id} is kept: ${outcome.peopleWithoutWayIn} people would lose their last way in. Give them another one first, or add --force.`;
  }
};

const refuseUnlessDone = (id: string, outcome: ProviderOutcome): void => {
  if (outcome.kind === 'refused') throw new UsageError(REFUSALS[outcome.code](id));
};
const settled = async (id: string, outcome: Promise<ProviderOutcome>): Promise<void> =>
  refuseUnlessDone(id, await outcome);

const providerId = (id: string): string => {
  if (!slugSchema.safeParse(id).success)
    throw new UsageError(`"${id}" is no id of an identity provider; see: ligature providers list`);
  return id;
};

const shown = (
  { providerId: id, kind, displayName, issuer, organizationId, state, active }: ProviderView,
  links: number,
) => ({
  id,
  kind: kind as IdentityProviderSettings['kind'],
  displayName,
  issuer,
  organizationId,
  state: state === 'in_use' ? (active ? 'active' : 'inactive') : state.replace('_', ' '),
  links,
});
