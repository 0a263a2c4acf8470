import { runBackup } from './commands/backup.js';
import { chooseExitCode } from './commands/choose-exit-code.js';
import { readCommand } from './commands/read-command.js';
import { runRestore } from './commands/restore.js';
import { runServe } from './commands/serve.js';

/** Returns the exit code; none for a Broker that serves, which sets its own at the end. */
async function main(): Promise<number | undefined> {
  process.umask(0o077);
  const command = readCommand(process.argv.slice(2));
  switch (command.name) {
    case 'serve':
      await runServe();
      return undefined;
    case 'help':
      process.stdout.write(command.text);
      return 0;
    case 'backup':
      return runBackup(command);
    case 'restore':
      return runRestore(command);
  }
}

main().then(
  (exitCode) => {
    process.exitCode = exitCode;
  },
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = chooseExitCode(error);
  },
);
