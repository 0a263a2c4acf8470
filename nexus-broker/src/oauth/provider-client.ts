import type { Clock } from '@nexus/core/clock';
import { NexusError } from '@nexus/core/errors';
import type { Provider } from '../domain/provider.js';
import { type AuthorizationServer, createAuthorizationServers } from './authorization-server.js';
import { type AuthorizationUrlInput, buildAuthorizationUrl } from './authorization-url.js';
import { type ConnectedAccount, connectAccount } from './connect-account.js';
import type { ExchangeCodeInput } from './exchange-code.js';
import type { GuardedFetch } from './guarded-fetch.js';
import { type MintedToken, type NarrowTokenInput, narrowToken } from './narrow-token.js';
import { type ProbeOutcome, type ProbeRequest, probeCredential } from './probe-credential.js';
import { isProviderCallError, type ProviderCallFailure } from './provider-error.js';
import { type RefreshedToken, type RefreshGrantInput, refreshGrant } from './refresh-grant.js';
import { type RevokeTokenInput, type RevokeTokenOutcome, revokeToken } from './revoke-token.js';
import { listTrustedOrigins, originOf } from './trusted-origins.js';

export interface ProviderClientDeps {
  readonly guardedFetch: GuardedFetch;
  readonly clock: Clock;
  /** When a probe that got no usable answer is told to be unavailable. Default 5000. */
  readonly probeTimeoutMs?: number;
}

export interface FailedCall {
  readonly kind: 'failed';
  readonly failure: ProviderCallFailure;
}

/** Everything the Broker says to a provider. */
export interface ProviderClient {
  /** Endpoints of the provider, by discovery where the profile asks for it. Throws `provider_unavailable`. */
  describeServer(provider: Provider): Promise<AuthorizationServer>;
  /**
   * Origins (`scheme://host[:port]`) that credentials of the provider may be sent to, the token endpoint's first. Throws
   * `provider_unavailable`.
   */
  trustedOrigins(provider: Provider): Promise<readonly string[]>;
  /** The token endpoint's, as far as it is known without asking the network; null where it is not. */
  knownTokenEndpointOrigin(provider: Provider): string | null;
  /** Throws `provider_unavailable` when the endpoint must be discovered and cannot be. */
  buildAuthorizationUrl(input: AuthorizationUrlInput): Promise<string>;
  /** Subject and label come from the verified ID token, else from where the profile says. Throws ProviderCallError. */
  exchangeCode(input: ExchangeCodeInput): Promise<ConnectedAccount>;
  refreshGrant(input: RefreshGrantInput): Promise<RefreshedToken | FailedCall>;
  narrowToken(input: NarrowTokenInput): Promise<MintedToken | FailedCall>;
  /** Never rejects for what a provider does: see `revokeToken`. */
  revokeToken(input: RevokeTokenInput): Promise<RevokeTokenOutcome>;
  /** Never rejects. */
  probe(request: ProbeRequest): Promise<ProbeOutcome>;
  /** Throws NexusError `provider_unsafe`; a name that does not resolve now is accepted. */
  checkUrl(url: string): Promise<void>;
}

export function createProviderClient(deps: ProviderClientDeps): ProviderClient {
  const servers = createAuthorizationServers(deps);
  const probeDeps = { guardedFetch: deps.guardedFetch, probeTimeoutMs: deps.probeTimeoutMs ?? 5_000 };
  const describeServer = (provider: Provider) =>
    servers.get(provider, 'person').catch((error: unknown) => {
      throw createUnavailableError(error);
    });
  return {
    describeServer,
    trustedOrigins: async (provider) => listTrustedOrigins(provider.profile, await describeServer(provider)),
    knownTokenEndpointOrigin: (provider) => {
      const endpoint = provider.profile.tokenUrl ?? servers.recall(provider)?.tokenEndpoint ?? null;
      return endpoint === null ? null : originOf(endpoint);
    },
    buildAuthorizationUrl: async (input) => buildAuthorizationUrl(await describeServer(input.provider), input),
    exchangeCode: (input) =>
      connectAccount({ ...deps, findServer: (provider) => servers.get(provider, 'person') }, input),
    refreshGrant: (input) =>
      tellFailure(async () => refreshGrant(deps, { ...input, server: await servers.get(input.provider) })),
    narrowToken: (input) =>
      tellFailure(async () => narrowToken(deps, { ...input, server: await servers.get(input.provider) })),
    revokeToken: async (input) => {
      const server = await servers.get(input.provider).catch(() => null);
      return server === null ? { outcome: 'unreachable', mayPass: true } : revokeToken(deps, { ...input, server });
    },
    probe: (request) => probeCredential(probeDeps, request),
    checkUrl: (url) => deps.guardedFetch.checkUrl(url),
  };
}

async function tellFailure<T>(call: () => Promise<T>): Promise<T | FailedCall> {
  try {
    return await call();
  } catch (error) {
    if (!isProviderCallError(error)) throw error;
    return { kind: 'failed', failure: error.failure };
  }
}

function createUnavailableError(cause: unknown): NexusError {
  const failure = isProviderCallError(cause) ? cause.failure : null;
  return new NexusError('provider_unavailable', 'The provider could not be asked for its endpoints.', {
    cause,
    ...(typeof failure?.retryAfterSeconds === 'number' ? { retryAfter: failure.retryAfterSeconds } : {}),
  });
}
