/** What most flow tests begin with: a real OpenID provider registered at a running stack. */
import { createHash, randomBytes } from 'node:crypto';
import { type RunningOpenidProvider, startOpenidProvider } from '@nexus/testkit/openid-provider';
import type { Stack } from './stack.js';

interface RegisteredProvider {
  readonly provider: RunningOpenidProvider;
  /** Id of the registered profile. */
  readonly providerId: string;
  readonly name: string;
}

interface RegisterOptions {
  readonly name?: string;
  readonly accessTokenTtl?: number;
  readonly rotateRefreshToken?: boolean;
  readonly profile?: Readonly<Record<string, unknown>>;
}

export const scopes = ['openid', 'email', 'profile', 'offline_access'];

/** A return URL nobody listens on; development allows every loopback origin. */
export const returnUrl = 'http://127.0.0.1:1/return';

export async function registerOpenidProvider(stack: Stack, options: RegisterOptions = {}): Promise<RegisteredProvider> {
  const name = options.name ?? 'acme';
  const provider = await startOpenidProvider({
    clients: [
      {
        clientId: 'nexus',
        redirectUris: [`${stack.gatewayUrl}/auth/callback/${name}`],
        authMethod: 'client_secret_basic',
      },
    ],
    accessTokenTtl: options.accessTokenTtl ?? 3_600,
    rotateRefreshToken: options.rotateRefreshToken ?? true,
  });
  const [client] = provider.clients;
  const created = await stack.broker('POST', '/admin/v1/providers', {
    body: {
      name,
      auth_type: 'oauth2',
      issuer: provider.issuer,
      enable_discovery: true,
      client_id: client?.clientId,
      client_secret: client?.clientSecret,
      scopes,
      params: { prompt: 'consent' },
      ...options.profile,
    },
  });
  if (created.status !== 201) throw new Error(`the provider was not registered: ${JSON.stringify(created.body)}`);
  return { provider, providerId: created.body.id, name };
}

export interface Requested {
  readonly connection_id: string;
  readonly connection_ref: string;
  readonly auth_url: string;
  readonly state: string;
}

export async function requestConnection(
  stack: Stack,
  body: Readonly<Record<string, unknown>> = {},
): Promise<Requested> {
  const answer = await stack.gateway('POST', '/v1/request-connection', {
    body: { workspace_id: 'workspace-1', provider_name: 'acme', return_url: returnUrl, ...body },
  });
  if (answer.status !== 200) throw new Error(`no connection: ${JSON.stringify(answer.body)}`);
  return answer.body as Requested;
}

type KeyRole = 'admin' | 'operator' | 'auditor' | 'gateway' | 'app';

export interface CreatedKey {
  readonly id: string;
  readonly key: string;
}

export async function createKey(
  stack: Stack,
  role: KeyRole,
  body: Readonly<Record<string, unknown>> = {},
): Promise<CreatedKey> {
  const created = await stack.broker('POST', '/admin/v1/keys', { body: { name: `test ${role}`, role, ...body } });
  if (created.status !== 201) throw new Error(`no key: ${JSON.stringify(created.body)}`);
  return created.body as CreatedKey;
}

/** A provider of static keys: one field `api_key`, a Bearer header, no probe, unless said otherwise. */
export async function registerStaticProvider(
  stack: Stack,
  profile: Readonly<Record<string, unknown>> = {},
): Promise<{ readonly id: string; readonly name: string }> {
  const created = await stack.broker('POST', '/admin/v1/providers', {
    body: { name: 'acme-key', auth_type: 'api_key', ...profile },
  });
  if (created.status !== 201) throw new Error(`the provider was not registered: ${JSON.stringify(created.body)}`);
  return created.body as { id: string; name: string };
}

/** A return URL whose application completes its flows itself. */
export const boundReturnUrl = 'http://127.0.0.1:1/bound/return';

export async function registerBoundOrigin(stack: Stack): Promise<void> {
  const created = await stack.broker('POST', '/admin/v1/return-origins', {
    body: { origin: 'http://127.0.0.1:1', app_name: 'Bound App', completion: 'bound', path_prefix: '/bound' },
  });
  if (created.status !== 201) throw new Error(`no return origin: ${JSON.stringify(created.body)}`);
}

/** A verifier and its challenge, as an application's server makes them for one login session (RFC 7636, section 4). */
export function createVerifier(): { readonly verifier: string; readonly challenge: string } {
  const verifier = randomBytes(32).toString('base64url');
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') };
}

/** Every audit entry of a connection, oldest first. */
export async function readAudit(
  stack: Stack,
  connectionRef: string,
  // biome-ignore lint/suspicious/noExplicitAny: tests read answers as the wire gives them
): Promise<readonly any[]> {
  const answer = await stack.broker('GET', `/audit?connection_ref=${connectionRef}&order=asc&limit=500`);
  return answer.body.events;
}
