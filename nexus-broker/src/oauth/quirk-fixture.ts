/** A provider client, and a provider whose profile and answers a test writes. */
import type { JsonValue } from '@nexus/core/canonical-json';
import { type ScriptedProvider, startScriptedProvider } from '@nexus/testkit/scripted-provider';
import type { Provider, ProviderProfile } from '../domain/provider.js';
import { codeVerifier, createProvider, createTestClient, readQuirks, secrets } from './provider-fixture.js';

export const nowMs = 1_700_000_000_000;
export const nowSeconds = nowMs / 1_000;

/** Fields of a profile as a template writes them. */
export type Written = { readonly [name: string]: JsonValue };

export const flow = {
  clientSecrets: secrets,
  redirectUri: 'https://nexus.example/auth/callback/test',
  state: 's',
  codeVerifier,
  nonce: 'n',
  scopes: ['read', 'write'],
};

export async function startQuirkRig() {
  const upstream: ScriptedProvider = await startScriptedProvider();
  const client = createTestClient({ timeouts: { totalMs: 500 } }, { clock: { now: () => nowMs } });
  return {
    upstream,
    client,

    create(written: Written, changes: Partial<ProviderProfile> = {}): Provider {
      return createProvider({
        authUrl: upstream.url('/authorize'),
        tokenUrl: upstream.url('/token'),
        ...changes,
        ...readQuirks(written),
      });
    },

    /** The callback has these parameters besides its code. */
    exchange(provider: Provider, callback: Readonly<Record<string, string>> = {}, changes: Partial<typeof flow> = {}) {
      const parameters = Object.entries({ code: 'c', state: 's', ...callback });
      return client.exchangeCode({ ...flow, ...changes, provider, parameters });
    },

    refresh(provider: Provider, refreshToken = 'fixture-old') {
      return client.refreshGrant({
        provider,
        clientSecrets: secrets,
        refreshToken,
        scope: 'read',
        requestedScopes: ['read', 'offline_access'],
        issuedOrigin: upstream.origin,
      });
    },

    lastSent(path = '/token') {
      const request = upstream.requests(path).at(-1);
      if (request === undefined) throw new Error(`nothing was sent to ${path}`);
      const { method, form, query, body, headers } = request;
      return { method, form: Object.fromEntries(form), query: Object.fromEntries(query), body, headers };
    },

    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      await upstream.close();
    },
  };
}

export type QuirkRig = Awaited<ReturnType<typeof startQuirkRig>>;
