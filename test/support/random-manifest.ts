// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references as manifests hold them
/** Manifests as fast-check makes them: what a person could have written, and a Broker accepts. */
import { listTemplates, type Template } from '@nexus/catalogue/templates';
import fc from 'fast-check';
import { describeClient } from '../cli/template-client.js';

export type RandomManifest = Readonly<Record<string, readonly object[]>>;

// What a reader of YAML, of references or of paths could take for something else.
const word = fc
  .string({
    unit: fc.constantFrom(
      ...'aZ0',
      'é',
      '字',
      '$',
      '{',
      '}',
      '#',
      ':',
      '-',
      '"',
      "'",
      '\\',
      '&',
      '*',
      '!',
      '%',
      '~',
      '|',
    ),
    minLength: 1,
    maxLength: 8,
  })
  .filter((text) => text.trim() === text);
const prose = fc.array(fc.oneof(word, fc.constantFrom('${A}', '$$', 'null', 'yes', '0o7', '1e3')), {
  minLength: 1,
  maxLength: 4,
});
const text = prose.map((words) => words.join(' '));
const id = fc.stringMatching(/^[a-z][a-z0-9-]{0,9}[a-z0-9]$/);
const scope = fc.stringMatching(/^[A-Za-z0-9:./$_-]{1,12}$/);
const scopes = fc.uniqueArray(scope, { maxLength: 4 });
const path = fc.stringMatching(/^[a-z0-9$_-]{1,6}(\/[a-z0-9]{1,4})?$/);
const params = fc.dictionary(
  fc.constantFrom('prompt', 'audience', 'access_type', 'x.y'),
  fc.oneof(word, fc.constant('')),
);
const refresh = fc.record(
  {
    rotation: fc.constantFrom('never', 'always', 'sometimes', 'strict'),
    grace_seconds: fc.integer({ min: 0, max: 600 }),
    margin: fc.integer({ min: 1, max: 900 }),
    concurrency: fc.integer({ min: 1, max: 9 }),
    params,
  },
  { requiredKeys: [] },
);
const errors = fc.dictionary(
  fc.stringMatching(/^[a-z_]{1,12}$/).filter((name) => name !== 'constructor'),
  fc.constantFrom('final', 'transient', 'configuration', 'throttled'),
  { maxKeys: 3 },
);
const choices = <T>(shape: { [K in keyof T]: fc.Arbitrary<T[K]> }) => fc.record(shape, { requiredKeys: [] });

const ofTemplate = fc.constantFrom(...listTemplates()).chain((template: Template) => {
  const overrides =
    template.authType === 'oauth2'
      ? choices({
          scopes,
          params,
          refresh,
          errors,
          display_name: text,
          description: fc.option(text),
          pkce: fc.constant('required'),
        })
      : choices({
          display_name: text,
          description: fc.option(text),
          docs_url: fc.constant('https://docs.example/$1?a=b#c'),
        });
  return fc
    .record({ name: fc.option(id, { nil: undefined }), overrides })
    .map(({ name, overrides: given }) => ({ template: template.name, name, ...describeClient(template), ...given }));
});

const oauth = fc
  .record({
    name: id,
    path,
    base: choices({ scopes, params, refresh, errors, description: text, expose_id_token: fc.boolean() }),
    client: text,
  })
  .map(({ name, path: at, base, client }) => ({
    name,
    auth_type: 'oauth2',
    auth_url: `https://${name}.example/${at}`,
    token_url: `https://${name}.example/token`,
    client_id: client.replaceAll(/[^ -~]/g, '?'),
    client_secret: 'fixture-client-secret',
    ...base,
  }));

const fixed = fc
  .record({
    name: id,
    title: text,
    header: fc.constantFrom('X-Key', 'Authorization'),
    prefix: fc.constantFrom('$', 'Key '),
  })
  .map(({ name, title, header, prefix }) => ({
    name,
    auth_type: 'header',
    auth_strategy: { type: 'header', config: { header_name: header, value_prefix: prefix } },
    credential_schema: { type: 'object', properties: { api_key: { type: 'string', title } }, required: ['api_key'] },
  }));

const key = (roles: readonly string[]) =>
  fc
    .record({
      name: text,
      role: fc.constantFrom(...roles),
      expires_at: fc.option(fc.constantFrom('2098-01-01T00:00:00Z', '2099-12-31T23:59:59.5+02:00')),
    })
    .map(({ role, ...given }) => (role === 'agent' ? given : { ...given, role }));
const keys = (roles: readonly string[]) => fc.uniqueArray(key(roles), { maxLength: 2, selector: ({ name }) => name });

const agent = fc
  .record({
    agent_id: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,8}$/),
    allowed_scopes: scopes,
    given: choices({
      allowed_providers: fc.option(fc.uniqueArray(id, { maxLength: 3 })),
      description: text,
      display_name: fc.option(text),
      active: fc.boolean(),
      metadata: fc.dictionary(word, fc.oneof(text, fc.integer(), fc.boolean(), fc.constant(null), fc.array(text))),
    }),
    keys: keys(['agent']),
  })
  .map(({ given, ...rest }) => ({ ...rest, ...given }));

const origin = fc
  .record({ host: id, prefix: fc.option(path), app_name: text, bound: fc.boolean() })
  .map(({ host, prefix, app_name, bound }) => ({
    origin: `https://${host}.example`,
    app_name,
    path_prefix: prefix === null ? null : `/${prefix}`,
    completion: bound && prefix !== null ? 'bound' : 'confirm',
  }));

const issuer = fc
  .record({
    host: id,
    audience: word,
    given: choices({
      algorithms: fc.constant(['ES256', 'RS256']),
      tenant_claim: word,
      max_lifetime_seconds: fc.integer({ min: 1, max: 86_400 }),
    }),
  })
  .map(({ host, audience, given }) => ({
    issuer: `https://${host}.example`,
    jwks_uri: `https://${host}.example/keys`,
    audience,
    // No two issuers may share one.
    workspace_prefix: `${host}:`,
    ...given,
  }));

const webhook = fc
  .record({
    host: id,
    events: fc.uniqueArray(fc.constantFrom('connection.active', 'connection.revoked', 'connection.failed'), {
      minLength: 1,
    }),
    active: fc.boolean(),
  })
  .map(({ host, ...rest }) => ({ url: `https://${host}.example/hooks?token=$1`, ...rest }));

const list = <T>(item: fc.Arbitrary<T>, selector: (item: T) => unknown, maxLength = 3) =>
  fc.uniqueArray(item, { maxLength, selector });

type Named = { readonly name?: string | undefined; readonly template?: string };

export const randomManifest: fc.Arbitrary<RandomManifest> = fc
  .record({
    providers: list(
      fc.oneof<fc.Arbitrary<Named>[]>(ofTemplate, oauth, fixed),
      ({ name, template }) => name ?? template,
      6,
    ),
    agents: list(agent, ({ agent_id }) => agent_id),
    return_origins: list(origin, (one) => `${one.origin}${one.path_prefix ?? ''}`),
    issuers: list(issuer, (one) => one.issuer, 2),
    webhooks: list(webhook, (one) => one.url, 2),
    keys: keys(['operator', 'auditor', 'app']),
  })
  .map(addSinks);

/** Each secret has a file of its own. */
function addSinks({
  agents,
  webhooks,
  keys: ofBroker,
  ...others
}: {
  readonly agents: readonly { readonly keys: readonly object[] }[];
  readonly webhooks: readonly object[];
  readonly keys: readonly object[];
} & RandomManifest): RandomManifest {
  let count = 0;
  const withSink = (item: object) => {
    count += 1;
    return { ...item, write_to: { file: `made/${count}` } };
  };
  return {
    ...others,
    agents: agents.map((one) => ({ ...one, keys: one.keys.map(withSink) })),
    webhooks: webhooks.map(withSink),
    keys: ofBroker.map(withSink),
  };
}
