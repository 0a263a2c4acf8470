/** Every command there is. Its module is loaded when it runs: a start costs what it needs, and no more. */
import type { CommandEntry } from './command.js';
import { resourceCommands } from './resource-table.js';

const vaultChanges = () => import('./vault/changes.js');

export const commands: readonly CommandEntry[] = [
  {
    name: 'validate',
    summary: 'Check a manifest without asking a Broker; every problem with its place.',
    load: async () => (await import('./manifest/validate.js')).validate,
  },
  {
    name: 'plan',
    summary: 'Show what apply would do.',
    load: async () => (await import('./plan/plan.js')).plan,
  },
  {
    name: 'diff',
    summary: 'Show how a Broker differs from a manifest.',
    load: async () => (await import('./plan/diff-command.js')).diff,
  },
  {
    name: 'apply',
    summary: 'Make a Broker have what a manifest says.',
    load: async () => (await import('./apply/apply.js')).apply,
  },
  {
    name: 'export',
    summary: 'Write what a Broker has as a manifest.',
    load: async () => (await import('./export/export.js')).exportCommand,
  },
  {
    name: 'import',
    summary: 'Apply an exported manifest to another Broker, asking for the secrets it needs.',
    load: async () => (await import('./apply/import.js')).importCommand,
  },
  {
    name: 'status',
    summary: 'Show how the Broker is doing, once or all the time.',
    load: async () => (await import('./status/status.js')).status,
  },
  {
    name: 'doctor',
    summary: 'Check settings, reachability, TLS, clocks, key and database, and say how to mend what is wrong.',
    load: async () => (await import('./doctor/doctor.js')).doctor,
  },
  {
    name: 'connect',
    summary: 'Connect an account from the terminal: show the link, wait, and tell how it ended.',
    load: async () => (await import('./connect/connect.js')).connect,
  },
  {
    name: 'token',
    summary: 'Show the credential of a connection, masked.',
    load: async () => (await import('./token/token.js')).token,
  },
  {
    name: 'catalogue list',
    summary: 'List the templates of providers that are shipped.',
    load: async () => (await import('./catalogue/list.js')).catalogueList,
  },
  {
    name: 'catalogue show',
    summary: 'Show a template, what it needs, and how to register it.',
    load: async () => (await import('./catalogue/show.js')).catalogueShow,
  },
  {
    name: 'catalogue search',
    summary: 'Find templates by words.',
    load: async () => (await import('./catalogue/search.js')).catalogueSearch,
  },
  ...resourceCommands,
  {
    name: 'vault status',
    summary: 'Show the key ring: keys, what they seal, the Brokers that know them, re-sealing under way.',
    load: async () => (await import('./vault/status.js')).vaultStatus,
  },
  {
    name: 'vault add-kek',
    summary: 'Make a key-encryption key known that the key provider of the Broker holds.',
    load: async () => (await vaultChanges()).addKek,
  },
  {
    name: 'vault promote-kek',
    summary: 'Wrap every data key anew with this key-encryption key.',
    load: async () => (await vaultChanges()).promoteKek,
  },
  {
    name: 'vault retire-kek',
    summary: 'Give a key-encryption key up that wraps nothing any more.',
    load: async () => (await vaultChanges()).retireKek,
  },
  {
    name: 'vault add',
    summary: 'Make a data key that seals nothing until it is promoted.',
    load: async () => (await vaultChanges()).addKey,
  },
  {
    name: 'vault promote',
    summary: 'Seal with this data key from now on; what the one before it sealed is sealed again.',
    load: async () => (await vaultChanges()).promoteKey,
  },
  {
    name: 'vault retire',
    summary: 'Give a data key up that nothing is sealed with any more.',
    load: async () => (await vaultChanges()).retireKey,
  },
  {
    name: 'vault compromise',
    summary: 'Put another data key in the place of one that became known, and seal everything again at once.',
    load: async () => (await vaultChanges()).compromiseKey,
  },
  {
    name: 'vault destroy',
    summary: 'Delete a retired data key for good.',
    load: async () => (await vaultChanges()).destroyKey,
  },
  {
    name: 'vault rotate',
    summary: 'Put new data keys in the place of those that seal now.',
    load: async () => (await import('./vault/rotate.js')).vaultRotate,
  },
  {
    name: 'audit query',
    summary: 'List entries of the audit log by what they are about.',
    load: async () => (await import('./audit/query.js')).auditQuery,
  },
  {
    name: 'audit tail',
    summary: 'Show the end of the audit log, and go on as it grows.',
    load: async () => (await import('./audit/tail.js')).auditTail,
  },
  {
    name: 'audit verify',
    summary: 'Prove that the audit log was not changed, offline or over the API.',
    load: async () => (await import('./audit/verify.js')).auditVerify,
  },
  {
    name: 'audit export',
    summary: 'Write the audit log, its chain and its checkpoints to a file.',
    load: async () => (await import('./audit/export.js')).auditExport,
  },
  {
    name: 'audit archive',
    summary: 'Move the oldest entries into files and remove them from the database.',
    load: async () => (await import('./audit/archive.js')).auditArchive,
  },
  {
    name: 'audit checkpoints',
    summary: 'List the signed checkpoints, or the public keys they are verified with.',
    load: async () => (await import('./audit/checkpoints.js')).auditCheckpoints,
  },
  {
    name: 'profile list',
    summary: 'List the profiles: the Brokers you have names for.',
    load: async () => (await import('./profile/commands.js')).profileList,
  },
  {
    name: 'profile use',
    summary: 'Say which profile is used where none is named.',
    load: async () => (await import('./profile/commands.js')).profileUse,
  },
  {
    name: 'profile show',
    summary: 'Show what a command would use, and where that is said.',
    load: async () => (await import('./profile/commands.js')).profileShow,
  },
  {
    name: 'completion',
    summary: 'Print what bash, zsh or fish needs to complete commands.',
    load: async () => (await import('./completion-scripts.js')).completion,
  },
];

export interface FoundCommand {
  readonly entry: CommandEntry;
  /** The words after its name. */
  readonly rest: readonly string[];
}

/** The command that these words begin with, and the words after its name. */
export function findCommand(words: readonly string[]): FoundCommand | null {
  for (let length = Math.min(3, words.length); length > 0; length--) {
    const name = words.slice(0, length).join(' ');
    const entry = commands.find((command) => command.name === name);
    if (entry !== undefined) return { entry, rest: words.slice(length) };
  }
  return null;
}
