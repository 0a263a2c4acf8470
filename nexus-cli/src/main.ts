/** The administrators' client: finds the command, runs it, and turns what goes wrong into one line and an exit code. */
import { auditArchive } from './audit/archive.js';
import { auditCheckpoints } from './audit/checkpoints.js';
import { auditExport } from './audit/export.js';
import { auditVerify } from './audit/verify.js';
import { type Command, type CommandContext, CommandError, exits, print } from './command.js';
import { settingsHelp } from './settings.js';
import { formatTable } from './table.js';
import { vaultChanges } from './vault/changes.js';
import { vaultRotate } from './vault/rotate.js';
import { vaultStatus } from './vault/status.js';

const commands: readonly Command[] = [
  vaultStatus,
  ...vaultChanges,
  vaultRotate,
  auditVerify,
  auditExport,
  auditArchive,
  auditCheckpoints,
];
const helpFlags = ['--help', '-h'];

interface MainInput extends CommandContext {
  /** What was typed after the program's name. */
  readonly args: readonly string[];
}

/** Resolves to the exit code. */
export async function main({ args, ...context }: MainInput): Promise<number> {
  // A reader that has seen enough, such as `head`, ends the program quietly.
  context.stdout.on('error', () => process.exit(exits.done));
  const [group = '', verb = ''] = args;
  const command = commands.find(({ name }) => name === `${group} ${verb}`);
  try {
    if (command === undefined) return await explain(args, context);
    const rest = args.slice(2);
    if (rest.some((arg) => helpFlags.includes(arg))) {
      context.stdout.write(`nexus-cli ${command.name}: ${command.summary}\n\n${command.help}\n`);
      return exits.done;
    }
    return await command.run(rest, context);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    print(context.stderr, `nexus-cli: ${error.message}`);
    if (error.exitCode === exits.usage && command !== undefined) {
      print(context.stderr, `nexus-cli ${command.name} --help shows how it is used`);
    }
    return error.exitCode;
  }
}

/** What there is, for whoever asks for help or for what there is not. */
async function explain(args: readonly string[], { stdout, stderr }: CommandContext): Promise<number> {
  const [group] = args;
  const ofGroup = commands.filter(({ name }) => name.split(' ')[0] === group);
  const isAsked = args.length === 0 || args.some((arg) => helpFlags.includes(arg)) || args[0] === 'help';
  const isKnown = isAsked || (args.length === 1 && ofGroup.length > 0);
  const listed = ofGroup.length > 0 ? ofGroup : commands;
  const lines = formatTable(listed.map(({ name, summary }) => [name, summary]));
  const text = `Usage: nexus-cli COMMAND [options]; nexus-cli COMMAND --help explains one.\n\n${lines.join('\n')}\n`;
  if (!isKnown) print(stderr, `nexus-cli: there is no command ${args.slice(0, 2).join(' ')}`);
  (isKnown ? stdout : stderr).write(`${text}\n${settingsHelp}\n`);
  return isAsked && args.length > 0 ? exits.done : exits.usage;
}
