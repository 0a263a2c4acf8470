/** Where the Broker is and who asks, from the environment. A key is never taken from the command line: others see it. */
import { readFileSync } from 'node:fs';
import { type CommandContext, CommandError, exits, usageError } from './command.js';

export interface BrokerSettings {
  readonly url: URL;
  readonly apiKey: string;
  readonly tls: { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer };
}

export const settingsHelp = `Settings, from the environment:
  NEXUS_BROKER_URL      address of the Broker (http://127.0.0.1:8080)
  NEXUS_API_KEY_FILE    file with the key; or NEXUS_API_KEY, the key itself
  NEXUS_TLS_CA_FILE, NEXUS_TLS_CERT_FILE, NEXUS_TLS_KEY_FILE
                        for a Broker that asks for client certificates`;

const defaultUrl = 'http://127.0.0.1:8080';

/** @throws CommandError */
export function readSettings(env: CommandContext['env']): BrokerSettings {
  const address = env['NEXUS_BROKER_URL'] ?? defaultUrl;
  const url = URL.canParse(address) ? new URL(address) : null;
  if (url === null || !['http:', 'https:'].includes(url.protocol) || url.pathname !== '/' || url.search !== '') {
    throw usageError('NEXUS_BROKER_URL must be the address of the Broker, such as https://broker.internal:8080');
  }
  const [ca, cert, key] = ['CA', 'CERT', 'KEY'].map((name) => {
    const path = env[`NEXUS_TLS_${name}_FILE`];
    return path === undefined ? undefined : readSetting(path, `NEXUS_TLS_${name}_FILE`);
  });
  if ((cert === undefined) !== (key === undefined)) {
    throw usageError('NEXUS_TLS_CERT_FILE and NEXUS_TLS_KEY_FILE belong together');
  }
  const tls = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
  return { url, apiKey: readApiKey(env), tls };
}

function readApiKey(env: CommandContext['env']): string {
  const { NEXUS_API_KEY_FILE: path, NEXUS_API_KEY: given } = env;
  const key = path === undefined ? given : readSetting(path, 'NEXUS_API_KEY_FILE').toString('utf8');
  const trimmed = key?.trim() ?? '';
  if (trimmed === '') throw usageError('no key: set NEXUS_API_KEY_FILE, or NEXUS_API_KEY');
  // Node would refuse it with a message that shows it.
  if (!/^[\x21-\x7e]+$/.test(trimmed)) throw usageError('the key holds characters that no key has');
  return trimmed;
}

function readSetting(path: string, name: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    const { code = 'no reason given' } = cause as NodeJS.ErrnoException;
    throw new CommandError(exits.unreadable, `the file of ${name} cannot be read: ${code}`, { cause });
  }
}
