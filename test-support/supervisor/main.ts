import { fileURLToPath } from 'node:url';
import type { ProcessDefinition } from '#apps/supervisor/process-definition.js';
import { supervise } from '#apps/supervisor/supervise.js';

// A supervisor with a small tree, for tests: two services and a task between them.
const script = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const { JOURNAL = '', TASK_EXIT_CODE = '0', STUBBORN = '' } = process.env;

process.exitCode = await supervise({
  root: fileURLToPath(new URL('../../../', import.meta.url)),
  environment: process.env,
  print: (line) => void process.stdout.write(`${line}\n`),
  processes: ({ settings }): ProcessDefinition[] => {
    const service = (name: string, managementPort: number): ProcessDefinition => ({
      kind: 'service',
      name,
      entry: script('service.js'),
      managementPort,
      environment: { NAME: name, MANAGEMENT_PORT: String(managementPort), JOURNAL, STUBBORN },
    });
    return [
      service('first', settings.ports.EVENT_STORE_MANAGEMENT_PORT),
      {
        kind: 'task',
        name: 'task',
        entry: script('task.js'),
        args: [],
        environment: { JOURNAL, EXIT_CODE: TASK_EXIT_CODE },
      },
      service('second', settings.ports.IDENTITY_MANAGEMENT_PORT),
    ];
  },
});
