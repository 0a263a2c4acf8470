/** Drives OAuth connections, successes and every failure a provider can cause, with secrets in all inputs and answers. */
import { createHash } from 'node:crypto';
import { createTokenSigner } from '@nexus/testkit/scripted-id-tokens';
import { type ScriptedAnswer, type ScriptedProvider, startScriptedProvider } from '@nexus/testkit/scripted-provider';
import { returnUrl } from './fixtures.js';
import { type Page, Person } from './person.js';
import type { PlantedTraffic } from './planted-traffic.js';
import { answerAuthorization } from './scripted-oauth.js';
import { forgetLastRefresh, setAccessExpiry } from './sql.js';
import type { RequestOptions } from './stack.js';

interface Issued {
  readonly accessToken: string;
  readonly idToken: string;
}

interface PlantedProvider {
  readonly server: ScriptedProvider;
  readonly name: string;
  readonly id: string;
  /** By authorization code, what its ID token must repeat. */
  readonly nonces: Map<string, string>;
  latest(): Issued;
}

async function registerPlanted(
  traffic: PlantedTraffic,
  name: string,
  profile: Readonly<Record<string, unknown>> = {},
): Promise<PlantedProvider> {
  const server = await startScriptedProvider();
  const signer = createTokenSigner('ES256', 'key-1');
  const nonces = new Map<string, string>();
  let latest: Issued = { accessToken: '', idToken: '' };
  server.publishMetadata();
  server.answer('/jwks', { body: { keys: [signer.publicJwk] } });
  server.answer('/revoke', { status: 200 });
  server.answer('/token', async (request): Promise<ScriptedAnswer> => {
    const verifier = request.form.get('code_verifier');
    if (verifier !== null) traffic.adopt('PKCE verifier', verifier);
    const now = Math.floor(Date.now() / 1_000);
    const nonce = nonces.get(request.form.get('code') ?? '');
    const claims = { iss: server.origin, aud: 'nexus', sub: 'person-1', iat: now, exp: now + 600 };
    const idToken = await signer.sign({ ...claims, ...(nonce === undefined ? {} : { nonce }) });
    latest = { accessToken: traffic.plant('access token'), idToken: traffic.adopt('ID token', idToken) };
    return {
      body: {
        access_token: latest.accessToken,
        refresh_token: traffic.plant('refresh token'),
        id_token: idToken,
        token_type: 'Bearer',
        expires_in: 3_600,
      },
    };
  });
  const created = await traffic.broker('POST', '/admin/v1/providers', {
    body: {
      name,
      auth_type: 'oauth2',
      issuer: server.origin,
      enable_discovery: true,
      client_id: 'nexus',
      client_secret: [traffic.plantAwkward('client secret'), traffic.plant('second client secret')],
      scopes: ['openid', 'read'],
      ...profile,
    },
  });
  if (created.status !== 201) throw new Error(`not registered: ${JSON.stringify(created.body)}`);
  return { server, name, id: created.body.id, nonces, latest: () => latest };
}

export interface PlantedFlow {
  readonly id: string;
  readonly ref: string;
  readonly authUrl: string;
  readonly ticket: string;
}

export async function requestPlanted(
  traffic: PlantedTraffic,
  provider: string,
  { body, ...options }: Omit<RequestOptions, 'body'> & { readonly body?: Readonly<Record<string, unknown>> } = {},
): Promise<PlantedFlow> {
  const answer = await traffic.gateway(
    'POST',
    '/v1/request-connection',
    { ...options, body: { workspace_id: 'workspace-1', provider_name: provider, return_url: returnUrl, ...body } },
    (started) => [
      traffic.adopt('connection id', started.body.connection_id),
      traffic.adopt('flow ticket', started.body.state),
    ],
  );
  if (answer.status !== 200) throw new Error(`not requested: ${JSON.stringify(answer.body)}`);
  const { connection_id: id, connection_ref: ref, auth_url: authUrl, state: ticket } = answer.body;
  return { id, ref, authUrl, ticket };
}

/** Opens the page and goes on; returns the authorization URL. State and nonce travel in it, the cookie beside it. */
async function continuePlanted(traffic: PlantedTraffic, person: Person, flow: PlantedFlow): Promise<string> {
  traffic.keepPage('GET', flow.authUrl, await person.open(flow.authUrl));
  const hop = await person.press(flow.authUrl);
  const request = new URL(hop.location).searchParams;
  const carried = [
    ...hop.headers.getSetCookie().map((line) => traffic.adopt('flow cookie', /=([^;]*)/.exec(line)?.[1] ?? '')),
    traffic.adopt('state', request.get('state') ?? ''),
    traffic.adopt('nonce', request.get('nonce') ?? ''),
  ];
  traffic.keepPage('POST', flow.authUrl, hop, carried);
  traffic.keep('authorization URL at the provider', hop.location, carried.slice(-2));
  return hop.location;
}

interface Callback {
  readonly person: Person;
  readonly url: string;
}

async function prepareCallback(
  traffic: PlantedTraffic,
  provider: PlantedProvider,
  flow: PlantedFlow,
  parameters: Readonly<Record<string, string>> = {},
): Promise<Callback> {
  const person = new Person(traffic.stack.gatewayUrl);
  const location = await continuePlanted(traffic, person, flow);
  const code = traffic.plant('authorization code');
  provider.nonces.set(code, new URL(location).searchParams.get('nonce') ?? '');
  return { person, url: answerAuthorization(location, { code, ...parameters }) };
}

/** Follows a callback. The handle of a bound flow goes to the application in the return URL, by design. */
async function follow(traffic: PlantedTraffic, { person, url }: Callback): Promise<Page> {
  const page = await person.open(url);
  const handle = page.location === '' ? null : new URL(page.location).searchParams.get('handle');
  const carried = handle === null ? [] : [traffic.adopt('handle', handle)];
  traffic.keepPage('GET', url, page, carried);
  if (page.location !== '') traffic.keep('return URL at the application', page.location, carried);
  return page;
}

async function connect(traffic: PlantedTraffic, provider: PlantedProvider, key?: string): Promise<PlantedFlow> {
  const flow = await requestPlanted(traffic, provider.name, key === undefined ? {} : { key });
  const page = await follow(traffic, await prepareCallback(traffic, provider, flow));
  if (!page.location.includes('status=success')) throw new Error(`not connected: ${page.status} ${page.location}`);
  return flow;
}

export async function plantOauth(traffic: PlantedTraffic, key: string): Promise<PlantedProvider[]> {
  const provider = await registerPlanted(traffic, 'planted');
  const exposing = await registerPlanted(traffic, 'exposing', { expose_id_token: true });
  const flow = await connect(traffic, provider, key);
  await traffic.gateway('GET', `/v1/check-connection/${flow.id}`);
  await traffic.gateway('GET', `/v1/token/${flow.id}`, { key }, [provider.latest().accessToken]);
  await traffic.gateway('GET', '/v1/resolve?workspace_id=workspace-1&provider_name=planted', { key }, [
    provider.latest().accessToken,
  ]);
  const exposed = await connect(traffic, exposing);
  const { accessToken, idToken } = exposing.latest();
  // The ID token repeats the nonce, which is worth nothing once the token has been issued.
  const nonce = [...exposing.nonces.values()].at(-1) ?? '';
  await traffic.gateway('GET', `/v1/token/${exposed.id}`, {}, [accessToken, idToken, nonce]);
  await plantRefreshes(traffic, provider, flow);
  await plantBound(traffic, provider);
  await plantFailedCallbacks(traffic, provider);
  await plantDeletions(traffic, provider);
  return [provider, exposing];
}

async function plantRefreshes(traffic: PlantedTraffic, provider: PlantedProvider, flow: PlantedFlow): Promise<void> {
  await traffic.gateway('POST', `/v1/refresh/${flow.id}`, {}, () => [provider.latest().accessToken]);
  const failures: ScriptedAnswer[] = [
    { status: 503, body: traffic.plant('text of a failing provider') },
    { status: 200, body: `{"access_token":"${traffic.plant('access token of broken JSON')}"` },
    { status: 200, body: { error: 'temporary', error_description: traffic.plantAwkward('description with 200') } },
    {
      status: 429,
      body: { error: traffic.plantAwkward('error code of a provider'), access_token: traffic.plant('stray') },
    },
    { drop: 'midway', body: { access_token: traffic.plant('access token of a cut answer') } },
  ];
  for (const failure of failures) {
    await forgetLastRefresh(traffic.stack, flow.ref);
    await setAccessExpiry(traffic.stack, flow.ref);
    provider.server.enqueue('/token', failure);
    await traffic.gateway('GET', `/v1/token/${flow.id}`);
  }
  await forgetLastRefresh(traffic.stack, flow.ref);
  await setAccessExpiry(traffic.stack, flow.ref);
  provider.server.enqueue('/token', {
    status: 400,
    body: { error: 'invalid_grant', error_description: traffic.plantAwkward('description of a final refusal') },
  });
  await traffic.gateway('POST', `/v1/refresh/${flow.id}`);
  await traffic.gateway('GET', `/v1/token/${flow.id}`);
}

async function plantBound(traffic: PlantedTraffic, provider: PlantedProvider): Promise<void> {
  for (const isProven of [true, false]) {
    const verifier = traffic.plant('completion verifier');
    const challenge = createHash('sha256').update(verifier).digest('base64url');
    const flow = await requestPlanted(traffic, provider.name, { body: { completion_challenge: challenge } });
    const page = await follow(traffic, await prepareCallback(traffic, provider, flow));
    const body = {
      handle: new URL(page.location).searchParams.get('handle'),
      code_verifier: isProven ? verifier : traffic.plant('wrong completion verifier').padEnd(43, 'x'),
    };
    await traffic.gateway('POST', '/v1/complete-connection', { body });
    await traffic.gateway('POST', '/v1/complete-connection', { body });
    await traffic.gateway('GET', `/v1/token/${flow.id}`, {}, [provider.latest().accessToken]);
  }
}

async function plantFailedCallbacks(traffic: PlantedTraffic, provider: PlantedProvider): Promise<void> {
  const begin = async (parameters: Readonly<Record<string, string>> = {}): Promise<Callback> =>
    prepareCallback(traffic, provider, await requestPlanted(traffic, provider.name), parameters);
  const description = () => traffic.plantAwkward('error_description of a callback');
  await follow(traffic, await begin({ error: 'access_denied', error_description: description() }));
  await follow(
    traffic,
    await begin({ error: traffic.plantAwkward('error of a callback'), error_description: description() }),
  );
  await follow(traffic, await begin({ iss: `https://${traffic.plant('foreign issuer')}.example` }));
  const answers: ScriptedAnswer[] = [
    { status: 400, body: { error: 'invalid_request', error_description: traffic.plantAwkward('refused exchange') } },
    { status: 500, body: `<html>${traffic.plant('page of a provider')}</html>` },
    { body: { access_token: traffic.plant('token without ID token'), token_type: 'Bearer' } },
    {
      body: {
        access_token: traffic.plant('token beside a forged ID token'),
        refresh_token: traffic.plant('refresh token beside a forged ID token'),
        id_token: `eyJhbGciOiJub25lIn0.${traffic.plant('forged ID token')}.`,
        token_type: 'Bearer',
      },
    },
    { drop: 'before' },
  ];
  for (const answer of answers) {
    const callback = await begin();
    provider.server.enqueue('/token', answer);
    await follow(traffic, callback);
  }
  const stolen = await begin();
  await follow(traffic, { person: new Person(traffic.stack.gatewayUrl), url: stolen.url });
  await follow(traffic, stolen);
  const doubled = await begin();
  await follow(traffic, { ...doubled, url: `${doubled.url}&state=${traffic.plant('second state')}` });
  const unknown = new URL(doubled.url);
  unknown.searchParams.set('state', traffic.plant('guessed state'));
  await follow(traffic, { ...doubled, url: unknown.href });
}

async function plantDeletions(traffic: PlantedTraffic, provider: PlantedProvider): Promise<void> {
  const { adminKey: key } = traffic.stack;
  const answers: ScriptedAnswer[] = [
    { status: 200 },
    { status: 503, body: traffic.plant('text of a failing revocation') },
    { status: 400, body: { error: 'unsupported_token_type', error_description: traffic.plant('refused revocation') } },
  ];
  for (const answer of answers) {
    const flow = await connect(traffic, provider);
    provider.server.enqueue('/revoke', answer);
    await traffic.gateway('DELETE', `/v1/connections/${flow.id}`);
    await traffic.gateway('DELETE', `/v1/connections/${flow.id}`, { key });
    await traffic.gateway('GET', `/v1/token/${flow.id}`);
    await traffic.gateway('GET', `/v1/check-connection/${flow.id}`);
  }
}
