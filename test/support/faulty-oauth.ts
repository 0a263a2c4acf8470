/** A faulty provider that is registered at a stack, and connections there, one or many. */
import { type FaultyProvider, type FaultyProviderOptions, startFaultyProvider } from '@nexus/testkit/faulty-provider';
import { type SeededConnection, seedConnections } from '../chaos/seed-connections.js';
import type { Requested } from './fixtures.js';
import { connectScripted } from './scripted-oauth.js';
import type { Stack } from './stack.js';

export interface FaultyOauth extends FaultyProvider {
  readonly name: string;
  /** An active connection whose tokens are those of this family. */
  connect(family: string): Promise<Requested>;
  /** Many active connections; the family of each is its `secret`. */
  connectMany(count: number): Promise<readonly SeededConnection[]>;
}

export async function registerFaultyOauth(
  stack: Stack,
  options: FaultyProviderOptions & { readonly name?: string; readonly profile?: Readonly<Record<string, unknown>> },
): Promise<FaultyOauth> {
  const name = options.name ?? 'faulty';
  const provider = await startFaultyProvider(options);
  const { server, families } = provider;
  const created = await stack.broker('POST', '/admin/v1/providers', {
    body: {
      name,
      auth_type: 'oauth2',
      client_id: 'nexus',
      client_secret: 'fixture-client-secret',
      auth_url: server.url('/authorize'),
      token_url: server.url('/token'),
      revocation_endpoint: server.url('/revoke'),
      user_info_endpoint: server.url('/userinfo'),
      scopes: ['read'],
      ...options.profile,
    },
  });
  if (created.status !== 201) throw new Error(`the provider was not registered: ${JSON.stringify(created.body)}`);
  const connect = (family: string) => connectScripted(stack, { name }, family);
  return {
    ...provider,
    name,
    connect,
    async connectMany(count) {
      const template = await connect('template');
      const seeded = await seedConnections(stack, template.connection_ref, count);
      for (const { secret } of seeded) families.issue(secret);
      return seeded;
    },
  };
}
