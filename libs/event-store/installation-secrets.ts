import { z } from 'zod';
import type { Fold } from './command-execution.js';
import { execute } from './command-execution.js';
import { defineEvent } from './event-definition.js';
import type { EventOf } from './event-definition.js';
import type { CommandContext } from './event-metadata.js';
import type { EventStore } from './event-store.js';
import { streamName } from './stream-name.js';

/**
 * On `installation-secrets`: which secret the names and keys of this log depend on. Tells nothing about the secret
 * itself.
 */
export const secretFingerprintRecorded = defineEvent('SecretFingerprintRecorded', {
  secret: z.enum(['index', 'master']),
  fingerprint: z.string(),
});

export const secretEvents = [secretFingerprintRecorded] as const;
type SecretEvent = EventOf<typeof secretFingerprintRecorded>;

const VARIABLES = { index: 'LIGATURE_INDEX_SECRET', master: 'LIGATURE_MASTER_KEY' } as const;

type Fingerprints = Readonly<Partial<Record<keyof typeof VARIABLES, string>>>;

const fingerprintsFold: Fold<Fingerprints, SecretEvent> = {
  initial: {},
  evolve: (state, { data }) => ({ ...state, [data.secret]: data.fingerprint }),
};

/**
 * The log was written with another secret: with this one every identity would look unowned, or no personal data could
 * be read.
 */
export class WrongSecretError extends Error {
  readonly code = 'wrong_secret';
  constructor(variable: string) {
    super(
      `${variable} is not the one that this event store was written with. Start with the original secret; nothing was written.`,
    );
  }
}

/**
 * Compares the secrets in use with those that the log depends on, and records them in a log that has none.
 * @throws {WrongSecretError}
 */
export const checkInstallationSecrets = async (
  store: EventStore,
  used: Readonly<Record<keyof typeof VARIABLES, string>> & {
    /**
     * Of the master key before, while keys are rewrapped: a log that depends on it depends on the new one from now on.
     */
    readonly previousMaster?: string | undefined;
  },
  context: CommandContext,
): Promise<void> => {
  const secrets = Object.keys(VARIABLES) as (keyof typeof VARIABLES)[];
  await execute(store, {
    stream: streamName('installation', 'secrets'),
    fold: fingerprintsFold,
    decide: (known) => {
      const rotated =
        known.master !== undefined && known.master !== used.master && known.master === used.previousMaster;
      const wrong = secrets.find(
        (secret) => known[secret] !== undefined && known[secret] !== used[secret] && !(secret === 'master' && rotated),
      );
      if (wrong) throw new WrongSecretError(VARIABLES[wrong]);
      const unrecorded = secrets.filter((secret) => known[secret] === undefined || (secret === 'master' && rotated));
      return {
        events: unrecorded.map((secret): SecretEvent => ({
          type: 'SecretFingerprintRecorded',
          data: { secret, fingerprint: used[secret] },
        })),
        outcome: undefined,
      };
    },
    context,
    subject: 'installation',
  });
};
