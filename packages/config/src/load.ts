import { readFileSync } from 'node:fs';
import { Secret } from '@nexus/core/secret';
import type { ConfigOf, SecretsOf, SettingDefinition, SettingProblem, Settings } from './define.js';
import { toCamelCase } from './define.js';
import type { Environment } from './environment.js';
import { checkEnvironment } from './environment.js';

/** Lists every problem of the configuration at once, so that an operator corrects it in one round. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly SettingProblem[];

  constructor(problems: readonly SettingProblem[]) {
    const lines = problems.map(({ setting, problem }) => `  ${setting}: ${problem}`);
    super(
      `the configuration has ${problems.length === 1 ? 'a problem' : `${problems.length} problems`}:\n${lines.join('\n')}`,
    );
    this.problems = problems;
  }
}

export interface LoadedSettings<S extends Settings> {
  readonly config: ConfigOf<S>;
  readonly secrets: SecretsOf<S>;
}

/** A rule over several settings; runs once each setting on its own is right. */
export type CrossCheck<S extends Settings> = (loaded: LoadedSettings<S>) => readonly SettingProblem[];

interface LoadOptions<S extends Settings> {
  readonly checks?: readonly CrossCheck<S>[];
  readonly readFile?: (path: string) => string;
}

/**
 * Parses the environment against the settings. An empty variable counts as absent; variables nobody declared are
 * ignored. Each secret may come from NAME or from the file NAME_FILE names (one trailing line break is dropped).
 * Placeholders, documented example values and two equal secrets are refused.
 *
 * @throws ConfigError naming every setting with a problem, never a secret's value.
 */
export function loadSettings<const S extends Settings>(
  settings: S,
  environment: Environment,
  options: LoadOptions<S> = {},
): LoadedSettings<S> {
  const problems: SettingProblem[] = checkEnvironment(environment);
  const config: Record<string, unknown> = {};
  const secrets: Record<string, unknown> = {};
  const secretTexts = new Map<string, string>();
  const readFile = options.readFile ?? readTextFile;

  for (const [name, setting] of Object.entries(settings)) {
    const source = readText({ name, setting, environment, readFile });
    if (source.problem !== null) {
      problems.push(source.problem);
      continue;
    }
    const parsed = parseText(name, setting, source.text);
    if ('problem' in parsed) {
      problems.push(parsed);
      continue;
    }
    if (setting.secret === true) {
      secrets[toCamelCase(name)] = source.text === null ? null : new Secret(parsed.value);
      if (source.text !== null) secretTexts.set(name, source.text);
    } else {
      config[toCamelCase(name)] = parsed.value;
    }
  }
  problems.push(...checkSecrets(settings, secretTexts));

  const loaded = { config, secrets } as unknown as LoadedSettings<S>;
  if (problems.length === 0) problems.push(...(options.checks ?? []).flatMap((check) => check(loaded)));
  if (problems.length > 0) throw new ConfigError(problems);
  return loaded;
}

interface ReadInput {
  readonly name: string;
  readonly setting: SettingDefinition;
  readonly environment: Environment;
  readonly readFile: (path: string) => string;
}

function readText(input: ReadInput): { text: string | null; problem: SettingProblem | null } {
  const { name, setting, environment } = input;
  const direct = presentText(environment[name]);
  if (setting.secret !== true) return { text: direct, problem: null };
  const path = presentText(environment[`${name}_FILE`]);
  if (path === null) return { text: direct, problem: null };
  if (direct !== null) {
    return { text: null, problem: { setting: name, problem: `is set twice: set ${name} or ${name}_FILE, not both` } };
  }
  try {
    const text = presentText(input.readFile(path).replace(/\r?\n$/, ''));
    if (text !== null) return { text, problem: null };
    return { text: null, problem: { setting: `${name}_FILE`, problem: 'names an empty file' } };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
    return { text: null, problem: { setting: `${name}_FILE`, problem: `names a file that cannot be read${code}` } };
  }
}

function presentText(text: string | undefined): string | null {
  return text === undefined || text.trim() === '' ? null : text;
}

function readTextFile(path: string): string {
  return readFileSync(path, 'utf8');
}

function parseText(
  name: string,
  setting: SettingDefinition,
  text: string | null,
): { readonly value: unknown } | SettingProblem {
  const raw = text ?? (setting.default === undefined ? null : String(setting.default));
  if (raw === null) {
    if (setting.required !== true) return { value: null };
    return {
      setting: name,
      problem: setting.secret === true ? `is required (${name} or ${name}_FILE)` : 'is required',
    };
  }
  const result = setting.schema.safeParse(raw);
  if (result.success) return { value: result.data };
  const messages = result.error.issues.map((issue) => issue.message).join('; ');
  // A schema's message is free text and could quote its input.
  if (setting.secret === true && messages.includes(raw)) return { setting: name, problem: 'is not valid' };
  return { setting: name, problem: messages };
}

const placeholder =
  /^(<.*>|\.\.\.|x+|change[ _-]?me.*|replace[ _-]?me.*|example.*|placeholder|todo|secret|password|insecure.*|test|dummy|(.)\2*|(0123456789abcdef)+|(0123456789)+)$/i;

/** Base64 and hex spellings of a key that is one byte repeated. */
function isRepeatedByte(text: string): boolean {
  if (text.length < 16) return false;
  const encoding = /^([0-9a-f]{2})+$/i.test(text) ? 'hex' : 'base64';
  const bytes = Buffer.from(text, encoding);
  return bytes.length >= 8 && bytes.every((byte) => byte === bytes[0]);
}

function checkSecrets(settings: Settings, texts: ReadonlyMap<string, string>): SettingProblem[] {
  const problems: SettingProblem[] = [];
  const owners = new Map<string, string>();
  for (const [name, text] of texts) {
    if (placeholder.test(text) || isRepeatedByte(text) || text === settings[name]?.example) {
      problems.push({ setting: name, problem: 'is a placeholder or a published example; make a value of your own' });
      continue;
    }
    const owner = owners.get(text);
    if (owner !== undefined) problems.push({ setting: name, problem: `must not equal ${owner}` });
    else owners.set(text, name);
  }
  return problems;
}
