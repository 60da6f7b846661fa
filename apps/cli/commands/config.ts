import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { applyDeclaration } from '#libs/declared-configuration/apply-declaration.js';
import { checkProviders } from '#libs/declared-configuration/check-providers.js';
import { parseDeclaration } from '#libs/declared-configuration/declaration.js';
import { systemClock } from '#libs/platform/clock.js';
import { operatorContext, providerPolicy, withEventStore } from '../connections.js';
import { UsageError } from '../exit-codes.js';
import { print } from '../output.js';

/** `ligature config apply FILE` */
export const configCommand = (): Command => {
  const config = new Command('config').description('declare organizations, identity providers and relying parties');
  config
    .command('apply')
    .description('make the installation what FILE declares; a second run changes nothing')
    .argument('<file>', 'YAML; secrets are named, not written: clientSecret: { env: NAME }')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ ligature config apply organization.yaml')
    .action(async (file: string, { json }: { json?: boolean }) => {
      const declaration = parseDeclaration(await readDeclared(file), process.env);
      const policy = providerPolicy();
      const { changes, warnings } = await withEventStore(async ({ store }) => {
        const warnings = await checkProviders(store, declaration, policy, systemClock());
        return { warnings, changes: await applyDeclaration(store, declaration, operatorContext()) };
      });
      for (const warning of warnings) console.error(`Warning: ${warning}`);
      const lines = changes.map(({ stream, events }) => `${stream}: ${events.join(', ')}`);
      print(json, changes, lines.length > 0 ? lines : ['Everything is as declared already; nothing was changed.']);
    });
  return config;
};

const readDeclared = async (file: string): Promise<string> => {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${(error as Error).message}`);
  }
};
