/** An OAuth provider that does what a test says, registered at a stack, and the person who answers for it. */
import {
  type Script,
  type ScriptedProvider,
  type ScriptedRequest,
  startScriptedProvider,
} from '@nexus/testkit/scripted-provider';
import { type Requested, requestConnection } from './fixtures.js';
import { type Page, Person } from './person.js';
import type { Stack } from './stack.js';

interface ScriptedOauthOptions {
  readonly name?: string;
  /** Seconds; null leaves `expires_in` out. */
  readonly ttl?: number | null;
  /** Whether answers carry a refresh token. */
  readonly issuesRefreshToken?: boolean;
  /** Serve discovery metadata and have the profile find the endpoints there. */
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly profile?: Readonly<Record<string, unknown>>;
}

export interface ScriptedOauth {
  readonly server: ScriptedProvider;
  readonly name: string;
  readonly providerId: string;
  /** Requests to the token endpoint with this grant type. */
  tokenCalls(grantType: 'authorization_code' | 'refresh_token'): readonly ScriptedRequest[];
  /** Tokens the Broker asked to revoke, oldest first. */
  revoked(): readonly string[];
  setTtl(seconds: number | null): void;
  /** Every request to the token endpoint is answered like this; null goes back to working tokens. */
  failTokens(script: Script | null): void;
  close(): Promise<void>;
}

/** Access and refresh tokens are `at-<login>-<n>` and `rt-<login>-<n>`, so that a test sees whose they are. */
export async function registerScriptedOauth(stack: Stack, options: ScriptedOauthOptions = {}): Promise<ScriptedOauth> {
  const name = options.name ?? 'scripted';
  const server = await startScriptedProvider();
  const controls = scriptTokens(server, options);
  if (options.metadata !== undefined) server.publishMetadata(options.metadata);
  const created = await stack.broker('POST', '/admin/v1/providers', {
    body: {
      name,
      auth_type: 'oauth2',
      client_id: 'nexus',
      client_secret: 'fixture-client-secret',
      ...(options.metadata === undefined
        ? {
            auth_url: server.url('/authorize'),
            token_url: server.url('/token'),
            revocation_endpoint: server.url('/revoke'),
            user_info_endpoint: server.url('/userinfo'),
          }
        : { issuer: server.origin, enable_discovery: true }),
      scopes: ['read'],
      ...options.profile,
    },
  });
  if (created.status !== 201) throw new Error(`the provider was not registered: ${JSON.stringify(created.body)}`);
  return {
    server,
    name,
    providerId: created.body.id,
    tokenCalls: (grantType) =>
      server.requests('/token').filter((request) => request.form.get('grant_type') === grantType),
    revoked: () => server.requests('/revoke').map((request) => request.form.get('token') ?? ''),
    ...controls,
    close: () => server.close(),
  };
}

function scriptTokens(
  server: ScriptedProvider,
  options: ScriptedOauthOptions,
): Pick<ScriptedOauth, 'setTtl' | 'failTokens'> {
  let failure: Script | null = null;
  let ttl = options.ttl === undefined ? 3_600 : options.ttl;
  let issued = 0;
  server.answer('/token', (request) => {
    if (failure !== null) return typeof failure === 'function' ? failure(request) : failure;
    const given = request.form.get('code') ?? request.form.get('refresh_token') ?? '';
    const login = given.split('-')[1] ?? 'nobody';
    issued += 1;
    return {
      body: {
        access_token: `at-${login}-${issued}`,
        token_type: 'bearer',
        ...(ttl === null ? {} : { expires_in: ttl }),
        ...((options.issuesRefreshToken ?? true) ? { refresh_token: `rt-${login}-${issued}` } : {}),
      },
    };
  });
  server.answer('/userinfo', (request) => ({
    body: { id: String(request.headers['authorization'] ?? '').split('-')[1] ?? 'nobody' },
  }));
  server.answer('/revoke', { status: 200 });
  return {
    setTtl: (seconds) => {
      ttl = seconds;
    },
    failTokens: (script) => {
      failure = script;
    },
  };
}

/** What the provider sends the browser back with, for the authorization request at `location`. */
export function answerAuthorization(location: string, parameters: Readonly<Record<string, string>>): string {
  const request = new URL(location).searchParams;
  const callback = new URL(request.get('redirect_uri') ?? '');
  callback.searchParams.set('state', request.get('state') ?? '');
  for (const [name, value] of Object.entries(parameters)) callback.searchParams.set(name, value);
  return callback.href;
}

let codes = 0;

/** Opens the link, goes on, is sent back with a code for `login`, and follows it: the return URL comes back. */
export async function connectAs(stack: Stack, requested: Requested, login: string): Promise<Page> {
  const person = new Person(stack.gatewayUrl);
  const hop = await person.press(requested.auth_url);
  if (hop.status !== 303) throw new Error(`the hop answered ${hop.status}: ${hop.text.slice(0, 500)}`);
  codes += 1;
  return person.open(answerAuthorization(hop.location, { code: `code-${login}-${codes}` }));
}

/** A connection of `login` that is active. */
export async function connectScripted(
  stack: Stack,
  provider: Pick<ScriptedOauth, 'name'>,
  login: string,
  body: Readonly<Record<string, unknown>> = {},
): Promise<Requested> {
  const requested = await requestConnection(stack, { provider_name: provider.name, ...body });
  const returned = await connectAs(stack, requested, login);
  if (new URL(returned.location).searchParams.get('status') !== 'success') {
    throw new Error(`not connected: ${returned.status} ${returned.location}`);
  }
  return requested;
}
