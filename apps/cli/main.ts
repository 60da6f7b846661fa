import { Command } from 'commander';
import { configCommand } from './commands/config.js';
import { databaseCommand } from './commands/database.js';
import { eventsCommand } from './commands/events.js';
import { historyCommand } from './commands/history.js';
import { keysCommand } from './commands/keys.js';
import { linksCommand } from './commands/links.js';
import { projectionsCommand } from './commands/projections.js';
import { providersCommand } from './commands/providers.js';
import { usersCommand } from './commands/users.js';
import { failureOf } from './exit-codes.js';

const program = new Command('ligature')
  .description(
    'Operate and audit Ligature. Exit codes: 0 done, 1 a check failed, 2 wrong use, 3 a dependency is unreachable.',
  )
  .addCommand(configCommand())
  .addCommand(databaseCommand())
  .addCommand(eventsCommand())
  .addCommand(historyCommand())
  .addCommand(keysCommand())
  .addCommand(linksCommand())
  .addCommand(projectionsCommand())
  .addCommand(providersCommand())
  .addCommand(usersCommand());

const withExitOverride = (command: Command): void => {
  command.exitOverride().showHelpAfterError('(add --help for examples)');
  command.commands.forEach(withExitOverride);
};
withExitOverride(program);

// Whoever reads us, such as `head`, has enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

try {
  await program.parseAsync();
} catch (error) {
  const { exitCode, sentence } = failureOf(error);
  if (sentence) console.error(sentence);
  process.exitCode = exitCode;
}
