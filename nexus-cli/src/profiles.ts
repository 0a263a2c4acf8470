/** Several Brokers by name, in a file of the person who administers them. */
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type CommandContext, CommandError, exits } from './command.js';

type Env = CommandContext['env'];

export const profileFields = [
  'broker_url',
  'gateway_url',
  'api_key_file',
  'tls_ca_file',
  'tls_cert_file',
  'tls_key_file',
] as const;

/** Paths are relative to the folder of the file. */
export type Profile = { readonly [F in (typeof profileFields)[number]]?: string };

export interface Profiles {
  readonly path: string;
  /** The profile used where none is named. */
  readonly default: string | null;
  readonly profiles: ReadonlyMap<string, Profile>;
}

export function profilesPath(env: Env): string {
  const configHome = env['XDG_CONFIG_HOME'];
  const base = configHome === undefined || configHome === '' ? join(env['HOME'] ?? homedir(), '.config') : configHome;
  return join(base, 'nexus', 'profiles.yaml');
}

/** Null where there is no file. @throws CommandError */
export async function readProfilesText(env: Env): Promise<string | null> {
  const path = profilesPath(env);
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const { code = 'no reason given' } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw new CommandError(exits.unreadable, `${path}: ${code}`, { cause });
  }
}

/** @throws CommandError for a file that is not what it should be. */
export async function readProfiles(env: Env): Promise<Profiles> {
  const path = profilesPath(env);
  const text = await readProfilesText(env);
  if (text === null) return { path, default: null, profiles: new Map() };
  const { parse } = await import('yaml');
  let content: unknown;
  try {
    content = parse(text);
  } catch (cause) {
    throw wrong(path, cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause));
  }
  const { default: chosen = null, profiles = {}, ...rest } = readObject(path, 'the file', content ?? {});
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw wrong(path, `it has a field “${unknown}”; there are default and profiles`);
  if (chosen !== null && typeof chosen !== 'string') throw wrong(path, 'default is not the name of a profile');
  const entries = Object.entries(readObject(path, 'profiles', profiles));
  const read = new Map(entries.map(([name, value]) => [name, readProfile(path, name, value)]));
  return { path, default: chosen, profiles: read };
}

/** The profile of that name, or the default one; null where there is neither. @throws CommandError for a name nobody has. */
export async function findProfile(
  env: Env,
  named: string | null,
): Promise<{ readonly name: string; readonly path: string; readonly profile: Profile } | null> {
  const { path, default: chosen, profiles } = await readProfiles(env);
  const name = named ?? chosen;
  if (name === null) return null;
  const profile = profiles.get(name);
  if (profile === undefined) throw noSuchProfile(name, { path, profiles });
  return { name, path, profile };
}

export function noSuchProfile(name: string, { path, profiles }: Pick<Profiles, 'path' | 'profiles'>): CommandError {
  const known = profiles.size === 0 ? 'it has none' : `there are ${[...profiles.keys()].join(', ')}`;
  return new CommandError(exits.usage, `${path} has no profile “${name}”; ${known}`);
}

function readProfile(path: string, name: string, value: unknown): Profile {
  const fields = readObject(path, `profile ${name}`, value);
  for (const [field, given] of Object.entries(fields)) {
    if (field === 'api_key') throw wrong(path, `profile ${name} holds a key; name its file with api_key_file`);
    if (!(profileFields as readonly string[]).includes(field)) {
      throw wrong(path, `profile ${name} has a field “${field}”; there are ${profileFields.join(', ')}`);
    }
    if (typeof given !== 'string' || given === '') throw wrong(path, `${field} of profile ${name} is not a text`);
  }
  return fields as Profile;
}

function readObject(path: string, what: string, value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw wrong(path, `${what} is not a mapping`);
  return value as Readonly<Record<string, unknown>>;
}

function wrong(path: string, message: string): CommandError {
  return new CommandError(exits.unreadable, `${path}: ${message}`);
}
