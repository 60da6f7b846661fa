import { CommanderError } from 'commander';
import { StoreAwayError, UnknownOutcomeError } from '#libs/event-store/store-errors.js';
import { DeclarationError } from '#libs/declared-configuration/declaration.js';
import { ConfigurationError } from '#libs/platform/configuration.js';
import { isDatabaseUnreachable } from '#libs/platform/postgres/unreachable.js';

/** What the shell learns of a run. */
export const EXIT = { done: 0, checkFailed: 1, wrongUse: 2, dependencyUnreachable: 3 } as const;

/** Wrong use that only the command itself can see, such as a projection that does not exist. */
export class UsageError extends Error {
  readonly code = 'wrong_use';
}

interface Failure {
  readonly exitCode: number;
  readonly sentence: string;
}

/** Turns whatever stopped a command into an exit code and a sentence with the next step. */
export const failureOf = (error: unknown): Failure => {
  if (error instanceof CommanderError)
    return { exitCode: error.exitCode === 0 ? EXIT.done : EXIT.wrongUse, sentence: '' };
  if (error instanceof UsageError || error instanceof ConfigurationError || error instanceof DeclarationError)
    return { exitCode: EXIT.wrongUse, sentence: error.message };
  if (error instanceof StoreAwayError || error instanceof UnknownOutcomeError) {
    return { exitCode: EXIT.dependencyUnreachable, sentence: `${error.message}. Is it running at EVENTSTORE_URL?` };
  }
  const { code, message } = error as Error & { code?: string };
  if (isDatabaseUnreachable(error)) {
    return {
      exitCode: EXIT.dependencyUnreachable,
      sentence: `PostgreSQL cannot be reached (${code ?? message}). Is it running at DATABASE_URL?`,
    };
  }
  return { exitCode: EXIT.checkFailed, sentence: message };
};
