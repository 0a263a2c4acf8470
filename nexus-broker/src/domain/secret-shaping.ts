/**
 * What of a profile shapes a request that carries a stored secret, or reads its answer. Many providers keep, or show to
 * others, what they are sent at the very origin of their token endpoint: whoever shapes the request has the secret.
 */
import { isDeepStrictEqual } from 'node:util';
import { FieldReader, type JsonObject } from './field-reader.js';
import { listUses } from './placed-urls.js';
import { originText } from './placeholders.js';
import { type Quirks, readQuirks } from './profile-quirks.js';
import type { ProviderProfile } from './provider.js';

type Shaping = Quirks & Pick<ProviderProfile, 'refreshUrl' | 'introspectionEndpoint' | 'apiBaseUrl'>;

/** Fields, by their names in a body, of which a change shapes such requests anew and is not what `shipped` says. */
export function listShapingFields(
  before: ProviderProfile,
  after: ProviderProfile,
  shipped: JsonObject | null,
): string[] {
  const hosts = [before, after].flatMap(listHostNames);
  const [old, changed] = [describeShape(before, hosts), describeShape(after, hosts)];
  const template = shipped === null ? {} : describeShape(readShaping(shipped), hosts);
  return Object.keys(changed).filter(
    (name) => !isDeepStrictEqual(old[name], changed[name]) && !isDeepStrictEqual(template[name], changed[name]),
  );
}

function describeShape(profile: Shaping, hosts: readonly string[]): JsonObject {
  const { refresh, revoke, apiBaseUrl, inputs } = profile;
  const hostRules = Object.entries(inputs)
    .filter(([name]) => hosts.includes(name))
    .map(([name, rules]) => [name, rules.pattern, rules.options, rules.default, rules.allowedHosts]);
  return {
    refresh_url: profile.refreshUrl,
    introspection_endpoint: profile.introspectionEndpoint,
    revoke: [revoke.via, revoke.request],
    upgrade: profile.upgrade,
    account: profile.account,
    token_request: profile.tokenRequest,
    token_answer: profile.tokenAnswer,
    param_names: profile.paramNames,
    scope_param: profile.scopeParam,
    refresh: [refresh.method, refresh.params, refresh.grantType, refresh.tokenParam, refresh.sends],
    probe: profile.probe,
    api_base_url: apiBaseUrl === null ? null : originText(apiBaseUrl),
    inputs: new Map(hostRules.map((rules) => [rules[0], rules])),
  };
}

/** The values that name a host, or a part of one. */
function listHostNames(profile: ProviderProfile): string[] {
  return [...listUses(profile)].filter(([, uses]) => [...uses].some((use) => use !== 'text')).map(([name]) => name);
}

function readShaping(template: JsonObject): Shaping {
  const fields = new FieldReader(template, '', []);
  const url = (name: string) => fields.text(name, () => null);
  return {
    ...readQuirks(fields),
    refreshUrl: url('refresh_url'),
    introspectionEndpoint: url('introspection_endpoint'),
    apiBaseUrl: url('api_base_url'),
  };
}
