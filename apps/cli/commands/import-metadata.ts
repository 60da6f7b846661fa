import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { stringify } from 'yaml';
import { HttpExchangeError } from '#libs/platform/guarded-http.js';
import { declareFromMetadata } from '#libs/identity-providers/saml/declare-from-metadata.js';
import { fetchMetadata } from '#libs/identity-providers/saml/fetch-metadata.js';
import { parseProviderMetadata } from '#libs/identity-providers/saml/provider-metadata.js';
import type { SamlProviderMetadata } from '#libs/identity-providers/saml/provider-metadata.js';
import { systemClock } from '#libs/platform/clock.js';
import { providerPolicy } from '../connections.js';
import { UsageError } from '../exit-codes.js';
import { print } from '../output.js';

interface Asked {
  readonly id: string;
  readonly entityId?: string;
  readonly json?: boolean;
}

/** `ligature providers import` */
export const importMetadataCommand = (): Command =>
  new Command('import')
    .description('turn the metadata of a SAML provider into an entry of a configuration file')
    .argument('<metadata>', 'a file, or the address that the provider publishes it under')
    .requiredOption('--id <id>', 'what the provider is called here')
    .option('--entity-id <entity>', 'which provider, where the metadata is a federation’s')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nNothing is changed: put the entry under identityProviders and apply the file.\n\nExample:\n  $ ligature providers import https://corp.example/saml/metadata --id corp',
    )
    .action(async (source: string, { id, entityId, json }: Asked) => {
      const published = /^https?:\/\//.test(source);
      const metadata = published ? await fetched(source, entityId) : read(source, entityId);
      const declared = declareFromMetadata(metadata, id, published ? source : undefined);
      print(json, declared, [stringify({ identityProviders: [declared] }).trimEnd()]);
    });

const fetched = async (address: string, entityId: string | undefined): Promise<SamlProviderMetadata> => {
  try {
    return await fetchMetadata(address, providerPolicy(), systemClock(), entityId);
  } catch (error) {
    if (error instanceof HttpExchangeError) throw new UsageError(error.message);
    throw error;
  }
};

const read = (file: string, entityId: string | undefined): SamlProviderMetadata => {
  try {
    return parseProviderMetadata(readFileSync(file, 'utf8'), systemClock(), entityId);
  } catch (error) {
    throw new UsageError(`${file}: ${(error as Error).message}`);
  }
};
