import { runBackup } from './commands/backup.js';
import { chooseExitCode } from './commands/choose-exit-code.js';
import { toPrintable } from './commands/describe-report.js';
import { readCommand } from './commands/read-command.js';
import { runRestore } from './commands/restore.js';

/** Returns the exit code; that of a Broker that serves stands until it is told to stop. */
async function main(): Promise<number> {
  process.umask(0o077);
  const command = readCommand(process.argv.slice(2));
  switch (command.name) {
    case 'serve': {
      // The other commands need nothing of what serves, and start in half the time without it.
      const { runServe } = await import('./commands/serve.js');
      await runServe();
      return 0;
    }
    case 'help':
      process.stdout.write(command.text);
      return 0;
    case 'backup':
      return runBackup(command);
    case 'restore':
      return runRestore(command);
  }
}

// Work that stops on its way, with nothing left to wait for, has not been done.
process.exitCode = 1;
main().then(
  (exitCode) => {
    process.exitCode = exitCode;
  },
  (error: unknown) => {
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`${message.split('\n').map(toPrintable).join('\n')}\n`);
    process.exitCode = chooseExitCode(error);
  },
);
