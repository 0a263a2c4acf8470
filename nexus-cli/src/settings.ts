/**
 * Where the Broker and the Gateway are and who asks: from the environment, then from a profile. A key is never taken from
 * the command line, where others on the machine see it.
 */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { type CommandContext, CommandError, exits, usageError } from './command.js';
import { print } from './print.js';
import { findProfile, type Profile } from './profiles.js';

export interface ApiSettings {
  readonly service: 'Broker' | 'Gateway';
  readonly url: URL;
  /** Null only where nobody named one and the service may be asked without. */
  readonly apiKey: string | null;
  readonly tls: Tls;
}

/** As Node takes it. */
export interface Tls {
  readonly ca?: Buffer | (Buffer | string)[];
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/** A value and what named it, such as `NEXUS_BROKER_URL` or `broker_url of profile production`. */
export interface Setting {
  readonly value: string;
  readonly from: string;
}

/** What is set, with no file read yet. */
export interface Sources {
  readonly profile: string | null;
  readonly brokerUrl: Setting;
  readonly gatewayUrl: Setting;
  readonly apiKeyFile: Setting | null;
  /** The value is the key itself. */
  readonly apiKey: Setting | null;
  readonly caFile: Setting | null;
  readonly certFile: Setting | null;
  readonly keyFile: Setting | null;
}

const defaults = { broker: 'http://127.0.0.1:8080', gateway: 'http://127.0.0.1:8090' };

export const settingsHelp = `Settings, from the environment, then from the profile (nexus-cli profile show):
  NEXUS_BROKER_URL      address of the Broker (${defaults.broker})
  NEXUS_GATEWAY_URL     address of the Gateway (${defaults.gateway})
  NEXUS_API_KEY_FILE    file with the key; or NEXUS_API_KEY, the key itself
  NEXUS_TLS_CA_FILE, NEXUS_TLS_CERT_FILE, NEXUS_TLS_KEY_FILE
                        for a Broker that asks for client certificates
  NEXUS_PROFILE         the profile to use, as --profile does`;

/** An environment that names the Broker stands for itself: no default profile lends it a key meant for another. @throws CommandError */
export async function readSources({ env, profile }: Pick<CommandContext, 'env' | 'profile'>): Promise<Sources> {
  const variable = (name: string) => env[name] || null;
  const named = profile ?? variable('NEXUS_PROFILE');
  const found = named === null && variable('NEXUS_BROKER_URL') !== null ? null : await findProfile(env, named);
  const choose = (name: string, field: keyof Profile): Setting | null => {
    const given = variable(name);
    if (given !== null) return { value: given, from: name };
    const value = found?.profile[field];
    if (found === null || value === undefined) return null;
    const isPath = field.endsWith('_file');
    return {
      value: isPath ? resolve(dirname(found.path), value) : value,
      from: `${field} of profile ${found.name}`,
    };
  };
  const chooseAddress = (name: string, field: 'broker_url' | 'gateway_url', value: string): Setting => {
    const setting = choose(name, field) ?? { value, from: 'default' };
    // Settings are shown, and nobody asks for these.
    if (hasCredentials(setting.value)) throw usageError(`${setting.from} holds a name or a password: remove it`);
    return setting;
  };
  const inline = variable('NEXUS_API_KEY_FILE') === null ? variable('NEXUS_API_KEY') : null;
  return {
    profile: found?.name ?? null,
    brokerUrl: chooseAddress('NEXUS_BROKER_URL', 'broker_url', defaults.broker),
    gatewayUrl: chooseAddress('NEXUS_GATEWAY_URL', 'gateway_url', defaults.gateway),
    apiKey: inline === null ? null : { value: inline, from: 'NEXUS_API_KEY' },
    apiKeyFile: inline === null ? choose('NEXUS_API_KEY_FILE', 'api_key_file') : null,
    caFile: choose('NEXUS_TLS_CA_FILE', 'tls_ca_file'),
    certFile: choose('NEXUS_TLS_CERT_FILE', 'tls_cert_file'),
    keyFile: choose('NEXUS_TLS_KEY_FILE', 'tls_key_file'),
  };
}

/** @throws CommandError */
export async function readBrokerSettings(context: CommandContext): Promise<ApiSettings> {
  const sources = await readSources(context);
  const url = readAddress(sources.brokerUrl, 'Broker');
  const apiKey = await readApiKey(sources);
  if (url.protocol === 'http:' && !isLoopback(url)) {
    print(context.stderr, `nexus-cli: the key goes to ${url.origin} readable for whoever is on the way: use https`);
  }
  return { service: 'Broker', url, tls: await readTls(sources), apiKey };
}

/** @throws CommandError */
export async function readGatewaySettings(context: CommandContext): Promise<ApiSettings> {
  const sources = await readSources(context);
  const url = readAddress(sources.gatewayUrl, 'Gateway');
  const isKeyed = sources.apiKey !== null || sources.apiKeyFile !== null;
  const key = isKeyed ? await readApiKey(sources) : null;
  return {
    service: 'Gateway',
    url,
    tls: await readTls(sources),
    apiKey: key !== null && isCallerKey(key) ? key : null,
  };
}

/** Of an application or an agent. A Gateway sees the keys that pass through it, so no other key is sent there. */
function isCallerKey(key: string): boolean {
  return /^nx[pk]_/.test(key);
}

function hasCredentials(address: string): boolean {
  const url = URL.canParse(address) ? new URL(address) : null;
  return url !== null && (url.username !== '' || url.password !== '');
}

function readAddress({ value, from }: Setting, service: string): URL {
  const url = URL.canParse(value) ? new URL(value) : null;
  // Without a path, a query and the rest.
  if (url === null || !['http:', 'https:'].includes(url.protocol) || url.href !== `${url.origin}/`) {
    throw usageError(`${from} must be the address of the ${service}, such as https://nexus.internal:8080`);
  }
  return url;
}

/** Where nobody on the way could read what is sent in plain. */
export function isLoopback({ hostname }: URL): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

async function readTls({ caFile, certFile, keyFile }: Sources): Promise<Tls & { readonly ca?: Buffer }> {
  if ((certFile === null) !== (keyFile === null)) {
    throw usageError(`${(certFile ?? keyFile)?.from} is only half: a certificate and its key belong together`);
  }
  const [ca, cert, key] = await Promise.all([caFile, certFile, keyFile].map((file) => file && readSetting(file)));
  return { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
}

async function readApiKey({ apiKey, apiKeyFile }: Sources): Promise<string> {
  const given = apiKeyFile === null ? apiKey?.value : (await readSetting(apiKeyFile)).toString('utf8');
  const key = given?.trim() ?? '';
  if (key === '') throw usageError('no key: set NEXUS_API_KEY_FILE or NEXUS_API_KEY, or api_key_file in a profile');
  // Node would refuse it with a message that shows it.
  if (!/^[\x21-\x7e]+$/.test(key)) throw usageError('the key holds characters that no key has');
  return key;
}

async function readSetting({ value: path, from }: Setting): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    const { code = 'no reason given' } = cause as NodeJS.ErrnoException;
    throw new CommandError(exits.unreadable, `the file of ${from} cannot be read: ${code}`, { cause });
  }
}
