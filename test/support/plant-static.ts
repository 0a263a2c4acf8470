/** Drives static credentials of every type through capture, form and read, and through every refusal. */
import { type ScriptedAnswer, type ScriptedProvider, startScriptedProvider } from '@nexus/testkit/scripted-provider';
import { Person } from './person.js';
import { requestPlanted } from './plant-oauth.js';
import type { PlantedTraffic } from './planted-traffic.js';

interface StaticType {
  readonly name: string;
  readonly authType: string;
  readonly fields: readonly string[];
  /** Fields of the answer; all where it is left out. */
  readonly answered?: readonly string[];
  readonly strategy?: Readonly<Record<string, unknown>>;
  /** Whether the probe's URL carries the secret, as this way of attaching it demands. */
  readonly isInUrl?: boolean;
}

const types: readonly StaticType[] = [
  { name: 'key', authType: 'api_key', fields: ['api_key'] },
  { name: 'named', authType: 'header', fields: ['api_key'] },
  { name: 'basic', authType: 'basic_auth', fields: ['username', 'password'] },
  { name: 'query', authType: 'query_param', fields: ['api_key'], isInUrl: true, strategy: queryStrategy() },
  { name: 'hmac', authType: 'hmac_payload', fields: ['api_secret'], strategy: hmacStrategy() },
  {
    name: 'aws',
    authType: 'aws_sigv4',
    fields: ['access_key', 'secret_key', 'session_token'],
    strategy: awsStrategy(),
  },
  {
    name: 'several',
    authType: 'api_key',
    fields: ['app_key', 'user_key'],
    strategy: { type: 'headers', config: { headers: { 'X-App': '{app_key}', 'X-User': '{user_key}' } } },
  },
];

function queryStrategy() {
  return { type: 'query_param', config: { param_name: 'key' } };
}

function hmacStrategy() {
  return { type: 'hmac_payload', config: { header_name: 'X-Signature' } };
}

function awsStrategy() {
  return { type: 'aws_sigv4', config: { service: 'execute-api' } };
}

export async function plantStatic(traffic: PlantedTraffic): Promise<ScriptedProvider> {
  const server = await startScriptedProvider();
  server.answer('/me', { body: {} });
  for (const type of types) {
    await registerStatic(traffic, server, type);
    await plantCaptures(traffic, server, type);
    await plantForm(traffic, type);
  }
  for (const request of server.requests()) {
    const isQuery = request.query.has('key');
    // A key that belongs into the query is in the URL the provider sees; nothing else may be.
    traffic.keepSeen('a static provider', request, isQuery ? [request.query.get('key') ?? ''] : []);
  }
  return server;
}

async function registerStatic(traffic: PlantedTraffic, server: ScriptedProvider, type: StaticType): Promise<void> {
  const created = await traffic.broker('POST', '/admin/v1/providers', {
    body: {
      name: type.name,
      auth_type: type.authType,
      api_base_url: server.origin,
      user_info_endpoint: '/me',
      ...(type.strategy === undefined ? {} : { auth_strategy: type.strategy }),
    },
  });
  if (created.status !== 201) throw new Error(`not registered: ${JSON.stringify(created.body)}`);
  await traffic.gateway('GET', `/v1/capture-schema?provider_name=${type.name}`);
}

/** Every value that may be anything is awkward; what goes into headers must be visible ASCII. */
function plantFields(traffic: PlantedTraffic, type: StaticType, what: string): Record<string, string> {
  const isFree = type.authType === 'basic_auth' || type.authType === 'hmac_payload' || type.isInUrl === true;
  return Object.fromEntries(
    type.fields.map((field) => {
      const label = `${what} ${type.name}.${field}`;
      return [field, isFree && field !== 'username' ? traffic.plantAwkward(label, 'é') : traffic.plant(label)];
    }),
  );
}

async function plantCaptures(traffic: PlantedTraffic, server: ScriptedProvider, type: StaticType): Promise<void> {
  const flow = await requestPlanted(traffic, type.name);
  const capture = (credentials: unknown) =>
    traffic.gateway('POST', '/v1/capture-credential', { body: { state: flow.ticket, credentials } });
  const rejected = plantFields(traffic, type, 'rejected');
  const refusal: ScriptedAnswer = { status: 401, body: { error: traffic.plant('text of a probe'), echo: rejected } };
  server.enqueue('/me', refusal);
  await capture(rejected);
  await capture({ ...plantFields(traffic, type, 'extra'), unknown_field: traffic.plant('value of an unknown field') });
  await capture({ ...plantFields(traffic, type, 'broken'), [type.fields[0] ?? '']: `${traffic.plant('broken')}\n` });
  const fields = plantFields(traffic, type, 'kept');
  const kept = await capture(fields);
  if (kept.status !== 200) throw new Error(`not captured: ${type.name} ${JSON.stringify(kept.body)}`);
  traffic.keep('return URL at the application', kept.body.redirect_url);
  await capture(plantFields(traffic, type, 'second'));
  await traffic.gateway('GET', `/v1/token/${flow.id}`, {}, Object.values(fields));
  await traffic.gateway('POST', `/v1/refresh/${flow.id}`);
}

async function plantForm(traffic: PlantedTraffic, type: StaticType): Promise<void> {
  const flow = await requestPlanted(traffic, type.name);
  const person = new Person(traffic.stack.gatewayUrl);
  traffic.keepPage('GET', flow.authUrl, await person.open(flow.authUrl));
  const wrong = plantFields(traffic, type, 'mistyped');
  const left = type.fields.filter((field) => field !== 'session_token').at(-1) ?? '';
  // The form comes back with what was typed into its open fields; masked ones come back empty.
  const shown = [wrong['username'] ?? '', wrong['access_key'] ?? ''];
  traffic.keepPage('POST', flow.authUrl, await person.press(flow.authUrl, { ...wrong, [left]: '' }), shown);
  const page = await person.press(flow.authUrl, plantFields(traffic, type, 'typed'));
  if (page.status !== 303) throw new Error(`the form was refused: ${type.name} ${page.text.slice(0, 2_000)}`);
  traffic.keepPage('POST', flow.authUrl, page);
  traffic.keep('return URL at the application', page.location);
}
