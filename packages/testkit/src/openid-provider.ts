import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Provider } from 'oidc-provider';
import { type CookieJar, createCookieJar } from './cookie-jar.js';
import { introspectToken } from './introspect-token.js';
import { answerInteraction } from './openid-provider-pages.js';
import { createOpenidProviderStore, type OpenidProviderStore } from './openid-provider-store.js';

export interface OpenidClient {
  readonly clientId: string;
  /** Random when absent; a client with authentication method `none` has none. */
  readonly clientSecret?: string;
  readonly redirectUris: readonly string[];
  readonly authMethod?: 'client_secret_basic' | 'client_secret_post' | 'none';
}

export interface OpenidProviderOptions {
  readonly host?: string;
  /** 0, the default, takes a free one. */
  readonly port?: number;
  readonly clients: readonly OpenidClient[];
  /** Seconds; default 3600. */
  readonly accessTokenTtl?: number;
  /** Default true: each refresh replaces the refresh token, and using an old one ends the whole grant. */
  readonly rotateRefreshToken?: boolean;
  /** Default `offline_access`: only where that scope was granted (with `prompt=consent`). */
  readonly issueRefreshToken?: 'offline_access' | 'always';
  /** Default true. */
  readonly requirePkce?: boolean;
  /** Scopes beside openid, email, profile and offline_access. */
  readonly scopes?: readonly string[];
  /** Default ES256, whose keys are made quickly. */
  readonly signingAlgorithm?: 'ES256' | 'RS256';
}

export interface RequestCounts {
  readonly token: Readonly<Record<string, number>>;
  readonly userinfo: number;
  readonly introspection: number;
  readonly revocation: number;
  readonly jwks: number;
  readonly discovery: number;
}

export interface ConsentOptions {
  readonly login: string;
  /** Keep one to stay logged in over several authorizations. */
  readonly cookieJar?: CookieJar;
  readonly deny?: boolean;
  readonly refuseScopes?: readonly string[];
}

/** Answers a request itself, or returns false to let the provider answer. */
export type Interceptor = (request: IncomingMessage, response: ServerResponse) => boolean;

/** A real authorization server on loopback, with e-mail `<login>@example.test` for whoever logs in. */
export interface RunningOpenidProvider {
  readonly issuer: string;
  readonly clients: readonly Required<OpenidClient>[];
  tokenRequests(): RequestCounts;
  /** Tokens somebody asked to revoke, oldest first. */
  revokedTokens(): readonly string[];
  /** Names of the events oidc-provider emitted, such as `grant.success` and `refresh_token.destroyed`. */
  events(): readonly string[];
  setAccessTokenTtl(seconds: number): void;
  setInterceptor(interceptor: Interceptor | null): void;
  /** What a person does on a "connected apps" page: every grant, code and token of the account dies. */
  revokeEverythingFor(accountId: string): void;
  /** Asks the introspection endpoint (RFC 7662) in the name of the first client with a secret, and returns its answer. */
  introspect(token: string): Promise<Record<string, unknown>>;
  isTokenActive(token: string): Promise<boolean>;
  countRefreshTokens(): number;
  /** Logs in, consents and returns where the provider sends the browser: the callback URL with its query. */
  consentAs(authorizationUrl: string, options: ConsentOptions): Promise<string>;
  close(): Promise<void>;
}

export async function startOpenidProvider(options: OpenidProviderOptions): Promise<RunningOpenidProvider> {
  const host = options.host ?? '127.0.0.1';
  let answer: (request: IncomingMessage, response: ServerResponse) => void = (_request, response) => response.end();
  const server = createServer((request, response) => answer(request, response));
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, host, resolve));
  const issuer = `http://${host}:${(server.address() as AddressInfo).port}`;
  const state: ProviderState = {
    store: createOpenidProviderStore(),
    counts: new Map(),
    revoked: [],
    events: [],
    accessTokenTtl: options.accessTokenTtl ?? 3600,
    interceptor: null,
  };
  const clients = options.clients.map((client) => ({
    authMethod: 'client_secret_basic' as const,
    clientSecret: client.authMethod === 'none' ? '' : randomBytes(24).toString('base64url'),
    ...client,
  }));
  const provider = new Provider(issuer, createConfiguration(options, clients, state));
  observe(provider, state);
  const answerProtocol = provider.callback();
  answer = (request, response) => {
    if (state.interceptor?.(request, response) === true) return;
    if (!(request.url ?? '').startsWith('/interaction/')) {
      answerProtocol(request, response);
      return;
    }
    answerInteraction(provider, request, response).catch((error: unknown) => {
      response.statusCode = 400;
      response.end(String(error));
    });
  };
  return createControls({ issuer, clients, state, server });
}

interface ProviderState {
  readonly store: OpenidProviderStore;
  readonly counts: Map<string, number>;
  readonly revoked: string[];
  readonly events: string[];
  accessTokenTtl: number;
  interceptor: Interceptor | null;
}

function createConfiguration(
  options: OpenidProviderOptions,
  clients: readonly Required<OpenidClient>[],
  state: ProviderState,
): Record<string, unknown> {
  const algorithm = options.signingAlgorithm ?? 'ES256';
  const { privateKey } =
    algorithm === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 });
  const issuesAlways = options.issueRefreshToken === 'always';
  return {
    adapter: (model: string) => state.store.createAdapter(model),
    clients: clients.map((client) => ({
      client_id: client.clientId,
      ...(client.authMethod === 'none' ? {} : { client_secret: client.clientSecret }),
      token_endpoint_auth_method: client.authMethod,
      redirect_uris: [...client.redirectUris],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      id_token_signed_response_alg: algorithm,
    })),
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'test', use: 'sig', alg: algorithm }] },
    cookies: { keys: [randomBytes(24).toString('base64url')] },
    scopes: ['openid', 'offline_access', ...(options.scopes ?? [])],
    claims: { openid: ['sub'], email: ['email'], profile: ['name', 'preferred_username'] },
    findAccount: (_context: unknown, accountId: string) => ({
      accountId,
      claims: () => ({
        sub: accountId,
        email: `${accountId}@example.test`,
        name: `Person ${accountId}`,
        preferred_username: accountId,
      }),
    }),
    pkce: { required: () => options.requirePkce ?? true },
    features: {
      devInteractions: { enabled: false },
      deviceFlow: { enabled: false },
      userinfo: { enabled: true },
      introspection: { enabled: true, allowedPolicy: () => true },
      revocation: {
        enabled: true,
        allowedPolicy: (_context: unknown, client: Named, token: Named) => client.clientId === token.clientId,
      },
      rpInitiatedLogout: { enabled: false },
    },
    rotateRefreshToken: () => options.rotateRefreshToken ?? true,
    issueRefreshToken: (_context: unknown, _client: unknown, code: { readonly scopes: ReadonlySet<string> }) =>
      issuesAlways || code.scopes.has('offline_access'),
    expiresWithSession: () => false,
    ttl: {
      AccessToken: () => state.accessTokenTtl,
      AuthorizationCode: 60,
      IdToken: 3600,
      Interaction: 3600,
      Grant: 14 * 24 * 3600,
      RefreshToken: 14 * 24 * 3600,
      Session: 14 * 24 * 3600,
    },
  };
}

interface Named {
  readonly clientId: string;
}

const observedEvents = [
  'grant.success',
  'grant.error',
  'grant.revoked',
  'access_token.destroyed',
  'refresh_token.destroyed',
];

function observe(provider: Provider, state: ProviderState): void {
  for (const name of observedEvents) provider.on(name, () => state.events.push(name));
  provider.use(async (context, next) => {
    await next();
    const route = context.oidc?.route;
    if (route === undefined) return;
    const parameters = context.oidc?.body ?? context.oidc?.params ?? {};
    const key = route === 'token' ? `token:${String(parameters['grant_type'])}` : route;
    state.counts.set(key, (state.counts.get(key) ?? 0) + 1);
    if (route === 'revocation') state.revoked.push(String(parameters['token']));
  });
}

interface ControlInput {
  readonly issuer: string;
  readonly clients: readonly Required<OpenidClient>[];
  readonly state: ProviderState;
  readonly server: Server;
}

function createControls({ issuer, clients, state, server }: ControlInput): RunningOpenidProvider {
  const count = (route: string) => state.counts.get(route) ?? 0;
  return {
    issuer,
    clients,
    tokenRequests: () => ({
      token: Object.fromEntries(
        [...state.counts].filter(([key]) => key.startsWith('token:')).map(([key, value]) => [key.slice(6), value]),
      ),
      userinfo: count('userinfo'),
      introspection: count('introspection'),
      revocation: count('revocation'),
      jwks: count('jwks'),
      discovery: count('discovery'),
    }),
    revokedTokens: () => [...state.revoked],
    events: () => [...state.events],
    setAccessTokenTtl: (seconds) => {
      state.accessTokenTtl = seconds;
    },
    setInterceptor: (interceptor) => {
      state.interceptor = interceptor;
    },
    revokeEverythingFor: (accountId) => state.store.deleteIssuedTo(accountId),
    introspect: (token) => introspectToken(issuer, clients, token),
    isTokenActive: async (token) => (await introspectToken(issuer, clients, token))['active'] === true,
    countRefreshTokens: () => state.store.count('RefreshToken'),
    consentAs: (authorizationUrl, options) => walkThrough(issuer, authorizationUrl, options),
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

const maxSteps = 12;

async function walkThrough(issuer: string, authorizationUrl: string, options: ConsentOptions): Promise<string> {
  const jar = options.cookieJar ?? createCookieJar();
  const form = {
    login: options.login,
    refused_scopes: (options.refuseScopes ?? []).join(' '),
    decision: options.deny === true ? 'deny' : 'allow',
  };
  let url = new URL(authorizationUrl);
  for (let step = 0; step < maxSteps; step++) {
    const isPage = url.pathname.startsWith('/interaction/');
    const response = await fetch(url, {
      method: isPage ? 'POST' : 'GET',
      headers: { cookie: jar.header(url.pathname) },
      redirect: 'manual',
      ...(isPage ? { body: new URLSearchParams(form) } : {}),
    });
    jar.store(response.headers.getSetCookie());
    const location = response.headers.get('location');
    if (location === null) {
      throw new Error(`the provider answered ${response.status} instead of redirecting: ${await response.text()}`);
    }
    await response.body?.cancel();
    url = new URL(location, url);
    if (url.origin !== issuer) return url.href;
  }
  throw new Error('the provider redirected too often');
}
