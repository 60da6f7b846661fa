import { appendFileSync } from 'node:fs';

// A process for tests of the supervisor that runs to its end, with the exit code it is told.
appendFileSync(process.env.JOURNAL ?? '', `task ran ${process.pid}\n`);
process.stderr.write('the task speaks\n');
process.exitCode = Number(process.env.EXIT_CODE);
