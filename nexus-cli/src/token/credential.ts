/** What `GET /v1/token/{id}` answers, with and without its secrets. */
import type { CredentialPayload as BrokerPayload } from '@nexus/broker-api/connections';
import { formatDuration } from '../views/duration.js';
import { type Field, fieldLines } from '../views/fields.js';
import type { Line, Screen } from '../views/screen.js';
import { maskSecret } from './mask.js';

export type CredentialPayload = Omit<BrokerPayload, 'refreshed'>;

/** What a credential may say of itself; every other field of it opens something. */
const harmless: ReadonlySet<string> = new Set(['token_type', 'expires_at']);

export function hideSecrets(payload: CredentialPayload): CredentialPayload {
  const credentials = Object.entries(payload.credentials).map(([name, value]) => [
    name,
    harmless.has(name) ? value : maskSecret(typeof value === 'string' ? value : JSON.stringify(value)),
  ]);
  return { ...payload, credentials: Object.fromEntries(credentials) };
}

export function viewCredential(payload: CredentialPayload, screen: Screen): Line[] {
  const { strategy, credentials, scope, expires_at: end, api_base_url: base } = payload;
  const fields: Field[] = [
    ['connection', payload.connection_ref],
    ['provider', payload.provider_name],
    ['API', base],
    ['strategy', strategy.type],
    ...prefixed('strategy', strategy.config ?? {}),
    ['scope', scope === '' ? 'none' : scope],
    ['ends', end === null ? 'never' : describeEnd(end)],
    ...prefixed('credentials', credentials).filter(([name]) => name !== 'credentials.expires_at'),
  ];
  return fieldLines(fields, screen);
}

function prefixed(prefix: string, values: Readonly<Record<string, unknown>>): Field[] {
  return Object.entries(values).map(([name, value]) => [`${prefix}.${name}`, tell(value)]);
}

/** Instants of this payload are Unix seconds. */
function describeEnd(seconds: number): string {
  const left = seconds - Math.floor(Date.now() / 1_000);
  const told = left < 0 ? 'ended' : `in ${formatDuration(left)}`;
  return `${new Date(seconds * 1_000).toISOString().replace('.000Z', 'Z')}, ${told}`;
}

/** In quotes where a space at an end would not be seen. */
function tell(value: unknown): string {
  return typeof value === 'string' && value === value.trim() ? value : JSON.stringify(value);
}
