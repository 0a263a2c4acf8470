/** What the command line asks the Broker to do. */
import { parseArgs } from 'node:util';

export type Command =
  | { readonly name: 'serve' }
  | { readonly name: 'help'; readonly text: string }
  | { readonly name: 'backup'; readonly to: string }
  | ({ readonly name: 'restore' } & RestoreCommand);

export interface RestoreCommand {
  /** The folder of a backup; null for the database of the settings. */
  readonly from: string | null;
  /** Whether nothing may change. */
  readonly isVerifyOnly: boolean;
  readonly acceptRollback: boolean;
  readonly acceptDamage: boolean;
  readonly checkpointFiles: readonly string[];
  readonly archiveFiles: readonly string[];
}

/** The message says what is wrong and how to ask for help. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const help = `usage: npm run broker [-- COMMAND]

  (none)    serve
  backup    copy the database to a folder while the Broker serves
  restore   put a backup in the place of the database, or verify either

All settings come from the environment; COMMAND --help tells more.
`;

const backupHelp = `usage: npm run broker -- backup --to FOLDER

  --to FOLDER   made by this command; holds nexus.db and manifest.json afterwards

The key-encryption keys are not in it: keep them elsewhere.
Example: npm run broker -- backup --to /var/backups/nexus/monday
`;

const restoreHelp = `usage: npm run broker -- restore [--from FOLDER] [--verify] [--accept-rollback] [--accept-damage]
                                  [--checkpoints FILE …] [--archive FILE …]

  --from FOLDER        a backup; without it, the database of the settings is looked at
  --verify             verify and change nothing
  --accept-rollback    go back behind checkpoints that are known, and record it
  --accept-damage      with --from or --accept-rollback: restore in spite of codes 10, 11, 14 and 15, and record them
  --checkpoints FILE   checkpoints kept elsewhere, beside checkpoints.log in DATA_DIR
  --archive FILE       an export of what was pruned from the audit log

Exit codes: 0 good, 1 not done, 2 usage, 3 unreadable or damaged, 10 to 15 as nexus-cli audit verify, 78 keys or settings.
Example: npm run broker -- restore --from /var/backups/nexus/monday --verify
`;

const helpOption = { help: { type: 'boolean', short: 'h', default: false } } as const;

/** @throws UsageError */
export function readCommand(args: readonly string[]): Command {
  const [name = 'serve', ...rest] = args;
  if (name === 'backup') return readBackup(rest);
  if (name === 'restore') return readRestore(rest);
  if (name === '--help' || name === '-h' || name === 'help') return { name: 'help', text: help };
  if (name === 'serve' && rest.length === 0) return { name: 'serve' };
  throw new UsageError(`There is no command "${args.join(' ')}".\n${help}`);
}

function readBackup(args: readonly string[]): Command {
  const values = parse(args, { ...helpOption, to: { type: 'string' } }, backupHelp);
  if (values.help) return { name: 'help', text: backupHelp };
  if (values.to === undefined || values.to === '') throw new UsageError(`--to FOLDER is needed.\n${backupHelp}`);
  return { name: 'backup', to: values.to };
}

function readRestore(args: readonly string[]): Command {
  const options = {
    ...helpOption,
    from: { type: 'string' },
    verify: { type: 'boolean', default: false },
    'accept-rollback': { type: 'boolean', default: false },
    'accept-damage': { type: 'boolean', default: false },
    checkpoints: { type: 'string', multiple: true, default: [] as string[] },
    archive: { type: 'string', multiple: true, default: [] as string[] },
  } as const;
  const values = parse(args, options, restoreHelp);
  if (values.help) return { name: 'help', text: restoreHelp };
  const acceptRollback = values['accept-rollback'];
  const isComplete = values.from === undefined ? values.verify || acceptRollback : values.from !== '';
  if (!isComplete) {
    throw new UsageError(`Name a backup with --from, or say --verify or --accept-rollback.\n${restoreHelp}`);
  }
  return {
    name: 'restore',
    from: values.from ?? null,
    isVerifyOnly: values.verify,
    acceptRollback,
    acceptDamage: values['accept-damage'],
    checkpointFiles: values.checkpoints,
    archiveFiles: values.archive,
  };
}

type Options = NonNullable<NonNullable<Parameters<typeof parseArgs>[0]>['options']>;

function parse<const T extends Options>(args: readonly string[], options: T, usage: string) {
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : String(error)}\n${usage}`);
  }
}
