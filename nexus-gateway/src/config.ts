import type { ConfigOf, SecretsOf, SettingProblem } from '@nexus/config/define';
import { defineSettings } from '@nexus/config/define';
import type { Environment } from '@nexus/config/environment';
import type { CrossCheck, LoadedSettings } from '@nexus/config/load';
import { loadSettings } from '@nexus/config/load';
import { booleanText, cidrListText, integerText, originListText, portText, urlText } from '@nexus/config/values';
import { z } from 'zod';

/** The Gateway's settings as data; the reference page and the example file are generated from this list. */
export const gatewaySettings = defineSettings({
  NEXUS_ENV: {
    schema: z.enum(['production', 'development'], { error: 'must be production or development' }),
    default: 'production',
    help: 'Only `development` allows plain http on loopback and serves the documentation page.',
  },
  GATEWAY_HOST: { schema: z.string().max(255), default: '127.0.0.1', help: 'Address the Gateway listens on.' },
  GATEWAY_PORT: { schema: portText(), default: 8090, help: 'Port the Gateway listens on.' },
  PUBLIC_URL: {
    schema: urlText(),
    example: 'https://connect.example.com',
    help: 'Origin under which people and applications reach the Gateway; required and https in production, `http://127.0.0.1:GATEWAY_PORT` by default in development.',
  },
  BROKER_URL: { schema: urlText(), default: 'http://127.0.0.1:8080', help: 'Origin of the Broker.' },
  GATEWAY_API_KEY: {
    schema: z.string().regex(/^nxg_[0-9A-Za-z]{49}$/, 'must be a gateway key, nxg_…'),
    required: true,
    secret: true,
    help: 'The key of role `gateway` that opens the internal routes of the Broker.',
  },
  BROKER_CA_FILE: { schema: z.string(), help: 'PEM file of the authority that signed the certificate of the Broker.' },
  BROKER_CLIENT_CERT_FILE: { schema: z.string(), help: 'PEM file of the certificate the Gateway shows to the Broker.' },
  BROKER_CLIENT_KEY_FILE: { schema: z.string(), help: 'PEM file of the key that belongs to BROKER_CLIENT_CERT_FILE.' },
  BROKER_CONNECTIONS: {
    schema: integerText({ min: 1, max: 8192 }),
    default: 1024,
    help: 'Most connections to the Broker for each kind of work: reads, calls that may wait for a provider, session tokens, sessions on behalf of users; opened when they are needed. A read of an expired token holds one for as long as the provider takes, and with too few of them all other reads would wait for it. Waiting polls have a pool of their own.',
  },
  TRUSTED_PROXIES: {
    schema: cidrListText(),
    default: '',
    help: 'Addresses or CIDR blocks of the proxies whose forwarding headers are believed.',
  },
  CORS_ALLOWED_ORIGINS: {
    schema: originListText(),
    default: '',
    help: 'Exact origins whose pages may call /v1 from a browser; empty means none.',
  },
  REQUIRE_CALLER_AUTH: {
    schema: booleanText(),
    default: false,
    help: 'Demands an API key on the connection routes that are open by default.',
  },
  METADATA_REQUIRES_KEY: {
    schema: booleanText(),
    default: false,
    help: 'Demands an API key for /v1/providers/metadata.',
  },
  LOG_LEVEL: {
    schema: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], { error: 'is not a log level' }),
    default: 'info',
    help: 'Least severe level that is logged.',
  },
});

type Definitions = typeof gatewaySettings;
export type GatewaySecrets = SecretsOf<Definitions>;
/** As the environment gives it, with PUBLIC_URL resolved. */
export type GatewayConfig = Omit<ConfigOf<Definitions>, 'publicUrl'> & { readonly publicUrl: string };

const loopbackHosts: ReadonlySet<string> = new Set(['127.0.0.1', 'localhost', '[::1]']);

function isLoopback(url: URL): boolean {
  return loopbackHosts.has(url.hostname) || url.hostname.endsWith('.localhost');
}

/** People type credentials into pages under this address, so nothing but https reaches production. */
function checkPublicUrl({ config }: LoadedSettings<Definitions>): SettingProblem[] {
  const isProduction = config.nexusEnv === 'production';
  if (config.publicUrl === null) {
    return isProduction ? [{ setting: 'PUBLIC_URL', problem: 'is required in production' }] : [];
  }
  const url = new URL(config.publicUrl);
  if (url.pathname !== '/') return [{ setting: 'PUBLIC_URL', problem: 'must be an origin, without a path' }];
  if (url.protocol === 'https:') return [];
  if (isProduction) return [{ setting: 'PUBLIC_URL', problem: 'must be https in production' }];
  if (isLoopback(url)) return [];
  return [{ setting: 'PUBLIC_URL', problem: 'may be plain http on loopback only' }];
}

/** The gateway key and the credentials of whole workspaces travel to the Broker. */
function checkBrokerUrl({ config }: LoadedSettings<Definitions>): SettingProblem[] {
  const url = new URL(config.brokerUrl);
  if (url.pathname !== '/') return [{ setting: 'BROKER_URL', problem: 'must be an origin, without a path' }];
  if (url.protocol === 'https:' || isLoopback(url) || config.nexusEnv === 'development') return [];
  return [{ setting: 'BROKER_URL', problem: 'must be https in production unless the Broker is on loopback' }];
}

function checkClientCertificate({ config }: LoadedSettings<Definitions>): SettingProblem[] {
  if ((config.brokerClientCertFile === null) === (config.brokerClientKeyFile === null)) return [];
  const missing = config.brokerClientCertFile === null ? 'BROKER_CLIENT_CERT_FILE' : 'BROKER_CLIENT_KEY_FILE';
  return [{ setting: missing, problem: 'is required together with the other half of the client certificate' }];
}

const checks: readonly CrossCheck<Definitions>[] = [checkPublicUrl, checkBrokerUrl, checkClientCertificate];

/** Reads and cross-checks the settings; throws ConfigError with every problem at once. */
export function loadGatewaySettings(environment: Environment): { config: GatewayConfig; secrets: GatewaySecrets } {
  const { config, secrets } = loadSettings(gatewaySettings, environment, { checks });
  const publicUrl = config.publicUrl ?? `http://127.0.0.1:${config.gatewayPort}`;
  return { config: { ...config, publicUrl: new URL(publicUrl).origin }, secrets };
}

/** Whether people reach the Gateway without TLS, which only development allows. */
export function isPlainHttp(config: Pick<GatewayConfig, 'publicUrl'>): boolean {
  return config.publicUrl.startsWith('http:');
}
