import { describe, expect, it } from 'vitest';
import { inventedOauth, inventedStatic } from './invented-templates.js';
import { listFields, listUses } from './quirk-fields.js';
import { isOauth, loadTemplates, readAt, readBody } from './templates.js';

const templates = await loadTemplates();
const oauth = templates.filter(isOauth);

/** What a field is anyway; nobody writes it. */
const defaults = [
  'enable_discovery=true',
  'scope_separator= ',
  'iss_expected=false',
  'token_request.body_format=form',
  'token_request.sends_scope=false',
  'token_request.accept_any_success=false',
  'upgrade.client=false',
  'upgrade.method=POST',
  'token_answer.body_format=json',
  'token_answer.scope_separator= ',
  'token_answer.expiry_unit=seconds',
  'token_answer.expiry_base=relative',
  'refresh.supported=true',
  'refresh.method=POST',
  'refresh.sends=refresh_token',
  'revoke.via=rfc7009',
  'account.values.*.required=false',
  'credential_schema.additionalProperties=false',
];

/** Fields about how a registration is used, not about what the provider is like: no template decides them. */
const leftToRegistrations = [
  'allow_wider_token=true',
  'allow_wider_token=false',
  'expose_id_token=true',
  'expose_id_token=false',
  // Which of both a token can be narrowed by is known of one provider so far; narrowing has tests of its own.
  'downscope.via=refresh',
];

/** Kinds of text that no credential here is; what a form does with them has tests of its own. */
const plainTexts = [
  'credential_schema.properties.*.format=uri',
  'credential_schema.properties.*.format=hostname',
  'credential_schema.properties.*.format=uuid',
];

const aboutTheTemplate = ['name', 'aliases', 'sources', 'verified_on', 'notes', 'tests'];

function findUnused(under: readonly { readonly profile: object }[]): string[] {
  const used = new Set(under.flatMap(({ profile }) => listUses(profile)));
  const accounted = new Set([...defaults, ...leftToRegistrations, ...plainTexts]);
  const isQuirk = (field: string) => !aboutTheTemplate.includes(field.split(/[.=]/, 1)[0] ?? '');
  return listFields().filter((field) => isQuirk(field) && !accounted.has(field) && !used.has(field));
}

describe('the catalogue as a whole', () => {
  it('knows of each class of errors what a provider says', () => {
    const classes = templates.flatMap(({ profile }) => Object.values(profile.errors ?? {}));
    expect([...new Set(classes)].sort()).toEqual(['configuration', 'final', 'throttled', 'transient']);
  });

  it('has at least 80 OAuth and 30 static templates', () => {
    expect(oauth.length).toBeGreaterThanOrEqual(80);
    expect(templates.length - oauth.length).toBeGreaterThanOrEqual(30);
  });

  it('knows every field and every choice from a provider that is tested', () => {
    expect(findUnused([...templates, ...inventedOauth, ...inventedStatic])).toEqual([]);
  });

  it('has most of them from providers that exist', () => {
    expect(findUnused(templates)).toEqual([
      'auth_type=header',
      'token_endpoint_auth_method=private_key_jwt',
      'scope_separator=;',
      'scope_separator=|',
      'param_names.client_secret',
      'param_names.redirect_uri',
      'param_names.scope',
      'param_names.code',
      'param_names.refresh_token',
      'param_names.grant_type',
      'iss_expected=true',
      'token_request.accept_any_success=true',
      'upgrade.params.*',
      'token_answer.body_format=form',
      'token_answer.paths.id_token',
      'token_answer.expiry_unit=milliseconds',
      'token_answer.scope_separator=;',
      'token_answer.scope_separator=|',
      'revoke.request.method=GET',
      'revoke.request.method=PUT',
      'credential_schema.title',
      'credential_schema.description',
      'credential_schema.properties.*.minLength',
      'credential_schema.properties.*.maxLength',
      'credential_schema.properties.*.enum',
      'probe.method=HEAD',
      'probe.headers.*',
    ]);
  });

  it.each(oauth)(
    'says of $name where its facts are from, how it is ended and how it is refreshed',
    ({ template, profile }) => {
      expect(template?.sources.length).toBeGreaterThan(0);
      const via = profile.revoke?.via ?? 'rfc7009';
      expect(profile.revocation_endpoint !== undefined).toBe(via === 'rfc7009');
      expect(profile.revoke?.request !== undefined).toBe(via === 'http');
      // Left out, the rotation is not known; of refreshes that do not exist there is nothing to know.
      const hasRefresh = profile.refresh?.supported !== false;
      if (profile.refresh?.rotation !== undefined) expect(hasRefresh).toBe(true);
    },
  );

  it.each(oauth)('has fixtures of $name for whatever its profile says', ({ profile, tests }) => {
    const answer = profile.token_answer ?? {};
    const isTimed = answer.expiry_base === 'absolute' || answer.expiry_unit === 'iso';
    const wanted = {
      token: true,
      error: true,
      refresh: profile.refresh?.rotation !== undefined,
      upgraded: profile.upgrade !== undefined,
      missing_expiry: (answer.when_expiry_missing ?? 'never') !== 'never',
      introspection: answer.when_expiry_missing === 'introspect',
      userinfo: profile.account?.request !== undefined || profile.account?.subject?.from === 'userinfo',
      inputs: Object.values(profile.inputs ?? {}).some((input) => input.default === undefined),
      callback: Object.values(profile.account?.values ?? {}).some(({ from }) => from === 'callback'),
    };
    const missing = Object.entries(wanted).filter(([name, isWanted]) => isWanted && !(name in tests));
    expect(missing.map(([name]) => name)).toEqual([]);
    if (isTimed) expect(typeof tests.expect?.lifetime).toBe('number');
    const refreshPath = answer.paths?.refresh_token ?? 'refresh_token';
    const [first, second] = [tests.token, tests.refresh].map((fixture) =>
      readAt(readBody(fixture, profile), refreshPath),
    );
    const { rotation, sends } = profile.refresh ?? {};
    if (rotation === 'always' || rotation === 'strict')
      expect(sends === 'access_token' || typeof second === 'string').toBe(true);
    if (rotation === 'never' && second !== undefined) expect(second).toBe(first);
    const told = Object.keys(profile.account?.values ?? {});
    expect(Object.keys(tests.expect?.values ?? {}).sort()).toEqual(told.sort());
    for (const name of ['subject', 'label'] as const) {
      if (profile.account?.[name] !== undefined) expect(typeof tests.expect?.[name]).toBe('string');
    }
  });
});
