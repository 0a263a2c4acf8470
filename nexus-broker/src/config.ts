/** The Broker's settings as data; `docs/reference/configuration.md` is generated from this list. */

import { join } from 'node:path';
import { type ConfigOf, defineSettings, type SecretsOf } from '@nexus/config/define';
import type { Environment } from '@nexus/config/environment';
import { type CrossCheck, type LoadedSettings, loadSettings } from '@nexus/config/load';
import { booleanText, cidrListText, commandText, integerText, listText, portText, urlText } from '@nexus/config/values';
import { isToken } from '@nexus/core/tokens';
import { logLevels } from '@nexus/http/logger';
import { z } from 'zod';

export const settings = defineSettings({
  NEXUS_ENV: {
    schema: z.enum(['production', 'development'], { error: 'must be production or development' }),
    default: 'production',
    help: 'Only development allows plain http and loopback addresses for providers and return URLs.',
  },
  DATA_DIR: {
    schema: z.string(),
    default: './data',
    help: 'Folder of the SQLite file, the key file and the key files of the first start.',
  },
  DATABASE_URL: {
    schema: z.string().regex(/^(sqlite:|postgres(ql)?:\/\/)/, { error: 'must start with sqlite: or postgres://' }),
    secret: true,
    help: 'postgres://user:password@host/database, or sqlite:/path/file.db; without it nexus.db in DATA_DIR.',
  },
  DATABASE_OWNER_URL: {
    schema: z.string().regex(/^postgres(ql)?:\/\//, { error: 'must start with postgres://' }),
    secret: true,
    help: 'PostgreSQL role that migrates and prunes, so that the role in DATABASE_URL can neither change nor delete entries.',
  },
  DATABASE_POOL_SIZE: {
    schema: integerText({ min: 1, max: 200 }),
    default: 10,
    help: 'Connections to PostgreSQL.',
  },
  BROKER_HOST: {
    schema: z.string(),
    default: '127.0.0.1',
    help: 'Address to listen on; any but loopback needs the three BROKER_TLS settings.',
  },
  BROKER_PORT: { schema: portText(), default: 8080, help: 'Port to listen on.' },
  BROKER_TLS_CERT_FILE: { schema: z.string(), help: 'PEM certificate the Broker shows.' },
  BROKER_TLS_KEY_FILE: { schema: z.string(), help: 'PEM private key of that certificate.' },
  BROKER_TLS_CLIENT_CA_FILE: { schema: z.string(), help: 'PEM authority whose client certificates are accepted.' },
  ALLOW_INSECURE_INTERNAL: {
    schema: booleanText(),
    default: false,
    help: 'Listens beyond loopback without TLS, inside a network you trust; production refuses it.',
  },
  PUBLIC_URL: {
    schema: urlText(),
    required: true,
    help: 'Where people and providers reach the Gateway; redirect URIs and links are built from it.',
  },
  KEY_PROVIDER: {
    schema: z.enum(['file', 'env', 'exec'], { error: 'must be file, env or exec' }),
    default: 'file',
    help: 'Who holds the key-encryption keys: a file, ENCRYPTION_KEY, or the program in KEY_COMMAND.',
  },
  KEY_FILE: {
    schema: z.string(),
    help: 'File of the key-encryption keys, mode 0400 or 0600; without it kek.key in DATA_DIR.',
  },
  ENCRYPTION_KEY: {
    schema: z.string().min(1),
    secret: true,
    help: 'One key-encryption key, base64 of 32 bytes, for KEY_PROVIDER=env; for development and migration.',
  },
  KEY_COMMAND: {
    schema: commandText(),
    help: 'For KEY_PROVIDER=exec: a JSON array of the program and its arguments, such as ["/usr/local/bin/nexus-kms"].',
  },
  DATA_KEY_DAYS: {
    schema: integerText({ min: 0, max: 3650 }),
    default: 90,
    help: 'Age in days at which a data key is replaced by itself; 0 leaves it to the operator.',
  },
  RESEAL_ROWS_PER_SECOND: {
    schema: integerText({ min: 1, max: 1_000_000 }),
    default: 2000,
    help: 'How fast values are sealed again after a data key was replaced.',
  },
  BACKUP_RETENTION_DAYS: {
    schema: integerText({ min: 0, max: 3650 }),
    default: 30,
    help: 'How long backups are kept; a data key is destroyed no sooner than this after it was retired.',
  },
  CHECKPOINT_SECONDS: {
    schema: integerText({ min: 1, max: 3600 }),
    default: 60,
    help: 'At most this long after an entry was sealed, a signed checkpoint covers it.',
  },
  METRICS: {
    schema: booleanText(),
    default: false,
    help: 'Whether GET /metrics answers keys of operators and auditors with figures for Prometheus.',
  },
  AUDIT_FILE: {
    schema: z.string(),
    help: 'File that gets every audit entry of this Broker as a line of JSON, written through before a secret leaves.',
  },
  ADMIN_API_KEY: {
    schema: z.string().refine((value) => isToken(value, 'nxa'), { error: 'must be an nxa_ key' }),
    secret: true,
    help: 'The first admin key, instead of one made at the first start.',
  },
  GATEWAY_API_KEY: {
    schema: z.string().refine((value) => isToken(value, 'nxg'), { error: 'must be an nxg_ key' }),
    secret: true,
    help: 'The first gateway key, instead of one made at the first start.',
  },
  USER_VERIFICATION_URL: {
    schema: urlText(),
    help: 'Endpoint that verifies user tokens of issuers that are not registered; without it they are refused.',
  },
  USER_VERIFICATION_WORKSPACE_FROM: {
    schema: z.enum(['sub', 'tenant'], { error: 'must be sub or tenant' }),
    default: 'sub',
    help: 'Whether the user or the tenant of such a token names the workspace.',
  },
  USER_VERIFICATION_WORKSPACE_PREFIX: {
    schema: z
      .string()
      .max(128, { error: 'must be at most 128 characters' })
      .regex(/^[^\p{Cc}\p{Cs}]*$/u, { error: 'must not hold control characters' }),
    default: '',
    help: 'Stands before that name in a workspace id; no registered issuer may have the same.',
  },
  EGRESS_ALLOW: {
    schema: listText(),
    default: '',
    help: 'Hosts, host:port pairs or CIDR blocks providers may use although they are not public.',
  },
  TRUSTED_PROXIES: {
    schema: cidrListText(),
    default: '',
    help: 'Proxies in front of the Broker whose X-Forwarded-For counts.',
  },
  PENDING_CAP_PER_SOURCE: {
    schema: integerText({ min: 1, max: 1_000_000 }),
    default: 1000,
    help: 'Open flows one address may have that sends no key.',
  },
  PENDING_CAP_TOTAL: {
    schema: integerText({ min: 1, max: 10_000_000 }),
    default: 10_000,
    help: 'Open flows all callers without a key may have together.',
  },
  UNKNOWN_ID_LIMIT: {
    schema: integerText({ min: 1, max: 1_000_000 }),
    default: 100,
    help: 'Unknown connection ids one address may send in a minute before they are answered with 429.',
  },
  REFUSED_KEY_LIMIT: {
    schema: integerText({ min: 1, max: 1_000_000 }),
    default: 1000,
    help: 'Missing or refused keys one address may send in a minute before they are answered with 429.',
  },
  SESSION_CAP_PER_KEY: {
    schema: integerText({ min: 1, max: 1_000_000 }),
    default: 1000,
    help: 'Open agent sessions one key may have at a time.',
  },
  LOG_LEVEL: { schema: z.enum(logLevels), default: 'info', help: 'Least severe level that is logged.' },
});

export type BrokerConfig = ConfigOf<typeof settings>;
export type BrokerSecrets = SecretsOf<typeof settings>;

/** Without a setting, a file beside the other data. */
export function readDatabaseUrl(config: BrokerConfig, secrets: BrokerSecrets): string {
  return secrets.databaseUrl?.reveal() ?? `sqlite:${join(config.dataDir, 'nexus.db')}`;
}

const loopbackHosts = ['127.0.0.1', '::1', 'localhost'];

const requireSafeListener: CrossCheck<typeof settings> = ({ config }) => {
  const tls = [config.brokerTlsCertFile, config.brokerTlsKeyFile, config.brokerTlsClientCaFile];
  const isComplete = tls.every((file) => file !== null);
  if (!isComplete && tls.some((file) => file !== null)) {
    return [{ setting: 'BROKER_TLS_CERT_FILE', problem: 'set all three BROKER_TLS settings or none' }];
  }
  if (config.allowInsecureInternal && config.nexusEnv === 'production') {
    return [{ setting: 'ALLOW_INSECURE_INTERNAL', problem: 'is refused in production' }];
  }
  if (isComplete || loopbackHosts.includes(config.brokerHost) || config.allowInsecureInternal) return [];
  return [
    {
      setting: 'BROKER_HOST',
      problem: 'is not loopback: set the three BROKER_TLS settings, so that only clients with a certificate get in',
    },
  ];
};

/** A setting of another provider is refused too: whoever sets it believes that it is used. */
const requireKeyProvider: CrossCheck<typeof settings> = ({ config, secrets }) => {
  const settingsOf = [
    { provider: 'file', setting: 'KEY_FILE', isSet: config.keyFile !== null, isRequired: false },
    { provider: 'env', setting: 'ENCRYPTION_KEY', isSet: secrets.encryptionKey !== null, isRequired: true },
    { provider: 'exec', setting: 'KEY_COMMAND', isSet: config.keyCommand !== null, isRequired: true },
  ];
  return settingsOf.flatMap(({ provider, setting, isSet, isRequired }) => {
    const isUsed = provider === config.keyProvider;
    if (isUsed && isRequired && !isSet) return [{ setting, problem: `is needed with KEY_PROVIDER=${provider}` }];
    return !isUsed && isSet ? [{ setting, problem: `is used only with KEY_PROVIDER=${provider}` }] : [];
  });
};

const requireSafeUrls: CrossCheck<typeof settings> = ({ config }) => {
  const urls = { PUBLIC_URL: config.publicUrl, USER_VERIFICATION_URL: config.userVerificationUrl };
  const unsafe = Object.entries(urls).filter(([, url]) => url !== null && !isSafeUrl(url, config.nexusEnv));
  const problem = 'must be https; only development allows http, and only on loopback';
  return unsafe.map(([setting]) => ({ setting, problem }));
};

function isSafeUrl(text: string, environment: 'production' | 'development'): boolean {
  const url = new URL(text);
  if (url.protocol === 'https:') return true;
  const isLoopback = /^(127(\.\d{1,3}){3}|localhost|\[::1\])$/.test(url.hostname);
  return environment === 'development' && isLoopback;
}

const requireOwnedDatabase: CrossCheck<typeof settings> = ({ secrets }) => {
  if (secrets.databaseOwnerUrl === null || secrets.databaseUrl?.reveal().startsWith('postgres')) return [];
  return [{ setting: 'DATABASE_OWNER_URL', problem: 'needs a DATABASE_URL of PostgreSQL; a SQLite file has no roles' }];
};

/** @throws ConfigError with every problem at once. */
export function loadConfig(environment: Environment): LoadedSettings<typeof settings> {
  return loadSettings(settings, environment, {
    checks: [requireSafeListener, requireKeyProvider, requireSafeUrls, requireOwnedDatabase],
  });
}
