/**
 * The authorization server behind a provider profile: its endpoints and keys. Discovered documents come from outside,
 * so only known members are read, each endpoint passes the outgoing guard, and fields of the profile win over them.
 */
import type { Clock } from '@nexus/core/clock';
import * as openid from 'openid-client';
import { hasPlaces } from '../domain/placeholders.js';
import { placeKey } from '../domain/profile-places.js';
import type { Provider, ProviderProfile } from '../domain/provider.js';
import type { GuardedFetch } from './guarded-fetch.js';
import { findOutgoingError } from './outgoing-error.js';
import {
  classifyOutgoing,
  createFailure,
  isProviderCallError,
  ProviderCallError,
  type ProviderCallFailure,
} from './provider-error.js';

export interface AuthorizationServer {
  /** The configured issuer; without one an internal name that no provider can claim. */
  readonly issuer: string;
  readonly hasIssuer: boolean;
  /** False where nothing could verify an ID token, and the profile does not want its keys looked for. */
  readonly readsIdTokens: boolean;
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
  readonly userInfoEndpoint: string | null;
  readonly revocationEndpoint: string | null;
  readonly introspectionEndpoint: string | null;
  /** Null where ID tokens cannot be verified; they are then dropped unread. */
  readonly jwksUri: string | null;
  readonly metadata: openid.ServerMetadata;
  /** Filled by openid-client, which refreshes it for an unknown key id. */
  readonly jwksCache: { current: openid.ExportedJWKSCache | null };
}

/** A person who tries again is not told of a failure that is over; whatever asks by itself waits. */
type Asker = 'person' | 'machine';

interface AuthorizationServers {
  get(provider: Provider, asker?: Asker): Promise<AuthorizationServer>;
  /** What `get` would resolve to at once, without asking anybody; null where it would not. */
  recall(provider: Provider): AuthorizationServer | null;
}

interface AuthorizationServersDeps {
  readonly guardedFetch: GuardedFetch;
  readonly clock: Clock;
}

interface CacheEntry {
  readonly server: Promise<AuthorizationServer>;
  /** What `server` resolved to. */
  found: AuthorizationServer | null;
  hasFailed: boolean;
  /** When the document was read that `server` comes from; long ago where there is none. */
  loadedMs: number;
  freshUntilMs: number;
}

const freshMs = 60 * 60_000;
/** How long the last good document bridges an outage of the discovery endpoint, and how often that is asked again. */
const staleMs = 24 * 60 * 60_000;
const retryMs = 5 * 60_000;
/** How long a failure with nothing to bridge it stands, so that not every call repeats it. */
const failureMs = 30_000;
const maxEntries = 500;
/** Callers choose the values that place a provider, so what was placed pushes out nothing but its like. */
const maxPlaced = 200;

/** Keeps what is known of each provider version for an hour, at most 500 of them, and 200 placed for connections. */
export function createAuthorizationServers(deps: AuthorizationServersDeps): AuthorizationServers {
  const registered = { entries: new Map<string, CacheEntry>(), max: maxEntries };
  const placed = { entries: new Map<string, CacheEntry>(), max: maxPlaced };
  const cacheOf = (provider: Provider) => (provider.placed === undefined ? registered : placed);
  return {
    recall(provider) {
      const known = cacheOf(provider).entries.get(toKey(provider));
      return known !== undefined && deps.clock.now() < known.freshUntilMs ? known.found : null;
    },

    get(provider, asker = 'machine') {
      const key = toKey(provider);
      const { entries, max } = cacheOf(provider);
      const known = entries.get(key) ?? null;
      const nowMs = deps.clock.now();
      const isTriedAgain = asker === 'person' && known?.hasFailed === true;
      if (known !== null && nowMs < known.freshUntilMs && !isTriedAgain) return known.server;
      const bridge = known !== null && nowMs < known.loadedMs + staleMs ? known : null;
      const server = loadServer(deps.guardedFetch, provider).catch((error: unknown) => {
        if (bridge === null || !isOutage(error)) throw error;
        entry.loadedMs = bridge.loadedMs;
        entry.freshUntilMs = deps.clock.now() + retryMs;
        return bridge.server;
      });
      const entry: CacheEntry = {
        server,
        found: null,
        hasFailed: false,
        loadedMs: nowMs,
        freshUntilMs: nowMs + freshMs,
      };
      entries.delete(key);
      entries.set(key, entry);
      for (const oldest of entries.keys()) {
        if (entries.size <= max) break;
        entries.delete(oldest);
      }
      server.then(
        (found) => {
          entry.found = found;
        },
        () => {
          entry.hasFailed = true;
          entry.loadedMs = Number.NEGATIVE_INFINITY;
          entry.freshUntilMs = deps.clock.now() + failureMs;
        },
      );
      return server;
    },
  };
}

function toKey(provider: Provider): string {
  return `${provider.providerId}:${provider.version}:${placeKey(provider)}`;
}

function isOutage(error: unknown): boolean {
  return isProviderCallError(error) && error.failure.class !== 'configuration';
}

async function loadServer(guardedFetch: GuardedFetch, provider: Provider): Promise<AuthorizationServer> {
  const { profile } = provider;
  const found = await findMetadata(guardedFetch, profile);
  const authorizationEndpoint = profile.authUrl ?? readUrl(found, 'authorization_endpoint');
  const tokenEndpoint = profile.tokenUrl ?? readUrl(found, 'token_endpoint');
  if (authorizationEndpoint === null || tokenEndpoint === null)
    throw misconfigured('no authorization or token endpoint');
  const issuer = profile.issuer ?? `https://${provider.providerId.toLowerCase()}.provider.invalid`;
  const userInfoEndpoint = profile.userInfoEndpoint === null ? readUrl(found, 'userinfo_endpoint') : null;
  const revocationEndpoint = profile.revocationEndpoint ?? readUrl(found, 'revocation_endpoint');
  const introspectionEndpoint = profile.introspectionEndpoint ?? readUrl(found, 'introspection_endpoint');
  const jwksUri = readUrl(found, 'jwks_uri');
  const optional = [userInfoEndpoint, revocationEndpoint, introspectionEndpoint, jwksUri];
  for (const url of [authorizationEndpoint, tokenEndpoint, ...optional]) {
    // A value that only the callback tells is not known while the authorization request is made.
    if (url !== null && !hasPlaces(url)) checkEndpoint(guardedFetch, url);
  }
  const metadata: openid.ServerMetadata = {
    issuer,
    authorization_endpoint: authorizationEndpoint,
    token_endpoint: tokenEndpoint,
    ...(revocationEndpoint === null ? {} : { revocation_endpoint: revocationEndpoint }),
    ...(introspectionEndpoint === null ? {} : { introspection_endpoint: introspectionEndpoint }),
    ...(jwksUri === null ? {} : { jwks_uri: jwksUri }),
    ...readSigningAlgorithms(found),
    // RFC 9207 section 2.4: a server that says it sends `iss` must send it.
    authorization_response_iss_parameter_supported:
      profile.isIssExpected || found['authorization_response_iss_parameter_supported'] === true,
  };
  return {
    issuer,
    hasIssuer: profile.issuer !== null,
    readsIdTokens: profile.issuer !== null && profile.enableDiscovery,
    authorizationEndpoint,
    tokenEndpoint,
    userInfoEndpoint,
    revocationEndpoint,
    introspectionEndpoint,
    jwksUri,
    metadata,
    jwksCache: { current: null },
  };
}

type Document = Readonly<Record<string, unknown>>;

/** A provider whose endpoints are all given may do without a discovery document; one whose are not may not. */
async function findMetadata(guardedFetch: GuardedFetch, profile: ProviderProfile): Promise<Document> {
  if (profile.issuer === null || !profile.enableDiscovery) return {};
  const hasEndpoints = profile.authUrl !== null && profile.tokenUrl !== null;
  return discover(guardedFetch, profile.issuer).catch((error: unknown) => {
    if (hasEndpoints && isProviderCallError(error) && error.failure.upstreamStatus === 404) return {};
    throw error;
  });
}

async function discover(guardedFetch: GuardedFetch, issuer: string): Promise<Document> {
  let found: Document;
  try {
    found = await requestDocument(guardedFetch, issuer, 'oidc').catch((error: unknown) => {
      if (readStatus(error) === 404) return requestDocument(guardedFetch, issuer, 'oauth2');
      throw error;
    });
  } catch (error) {
    throw new ProviderCallError('discovery', { failure: classifyDiscoveryError(error), cause: error });
  }
  // OpenID Connect Discovery 4.3, RFC 8414 section 3.3: identical, not merely equal as URLs.
  if (found['issuer'] !== issuer) throw misconfigured('the discovered issuer is not the configured one');
  return found;
}

async function requestDocument(
  guardedFetch: GuardedFetch,
  issuer: string,
  algorithm: 'oidc' | 'oauth2',
): Promise<Document> {
  const configuration = await openid.discovery(new URL(issuer), 'unused', undefined, openid.None(), {
    algorithm,
    timeout: 15,
    [openid.customFetch]: (url, init) => guardedFetch.fetch(url, { method: init.method }),
    execute: guardedFetch.allowsPlainHttp ? [openid.allowInsecureRequests] : [],
  });
  return { ...configuration.serverMetadata() };
}

function readStatus(error: unknown): number | null {
  return error instanceof Error && error.cause instanceof Response ? error.cause.status : null;
}

function classifyDiscoveryError(error: unknown): ProviderCallFailure {
  const outgoing = findOutgoingError(error);
  const failure = outgoing === null ? classifyStatus(readStatus(error)) : classifyOutgoing(outgoing);
  const { upstreamStatus } = failure;
  // Nothing was shown yet that could be in doubt, nor granted by a success.
  return {
    ...failure,
    class: failure.class === 'in_doubt' ? 'transient' : failure.class,
    upstreamStatus: upstreamStatus !== null && upstreamStatus < 300 ? null : upstreamStatus,
  };
}

function classifyStatus(upstreamStatus: number | null): ProviderCallFailure {
  const isConfiguration = upstreamStatus === null || (upstreamStatus >= 400 && upstreamStatus < 500);
  return {
    ...createFailure(isConfiguration && upstreamStatus !== 429 ? 'configuration' : 'transient'),
    upstreamStatus,
  };
}

function readUrl(found: Document, name: string): string | null {
  const value = found[name];
  return typeof value === 'string' && value !== '' ? value : null;
}

/** A symmetric or `none` algorithm in the list would let anybody sign; without a list only RS256 counts. */
function readSigningAlgorithms(found: Document): { id_token_signing_alg_values_supported?: string[] } {
  const listed = found['id_token_signing_alg_values_supported'];
  if (!Array.isArray(listed)) return {};
  const asymmetric = listed.filter((name): name is string => typeof name === 'string' && /^(?:RS|PS|ES|Ed)/.test(name));
  return { id_token_signing_alg_values_supported: asymmetric };
}

function checkEndpoint(guardedFetch: GuardedFetch, url: string): void {
  try {
    guardedFetch.checkUrlText(url);
  } catch (cause) {
    throw misconfigured(cause);
  }
}

function misconfigured(cause: unknown): ProviderCallError {
  return new ProviderCallError('discovery', {
    failure: createFailure('configuration'),
    cause: typeof cause === 'string' ? new Error(cause) : cause,
  });
}

/** Whether ID tokens of this server are read at all: it has an issuer with keys, and `openid` was asked for. */
export function usesIdToken(server: AuthorizationServer, scopes: readonly string[]): boolean {
  return server.readsIdTokens && scopes.includes('openid');
}
