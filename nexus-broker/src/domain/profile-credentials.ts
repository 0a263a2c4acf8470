import { type ErrorDetail, NexusError } from '@nexus/core/errors';
import { describeFields, resolveStrategy, type Strategy } from '@nexus/strategies/strategy';
import { type CredentialSchema, createCredentialSchema, readCredentialSchema } from './credential-schema.js';
import { FieldReader, isJsonObject } from './field-reader.js';
import type { ProfileContext } from './profile-context.js';
import { readApiUrl } from './profile-endpoints.js';
import { plainQuirks, type Quirks, quirkFields } from './profile-quirks.js';
import type { AuthStrategy, AuthType, ProviderProfile } from './provider.js';

/** Fields that mean something for OAuth only, with the one value that means nothing. */
const oauthOnly: { readonly [name: string]: string } = {
  client_id: 'null',
  issuer: 'null',
  enable_discovery: 'false',
  auth_url: 'null',
  token_url: 'null',
  revocation_endpoint: 'null',
  scope_separator: '" "',
  pkce: '"supported"',
  token_endpoint_auth_method: '"none"',
  auth_header: '"none"',
  params: '{}',
  errors: '{}',
  expose_id_token: 'false',
  refresh_url: 'null',
  introspection_endpoint: 'null',
};

type Credentials = Pick<ProviderProfile, 'credentialSchema' | 'authStrategy'>;

export function readCredentialFields(
  context: ProfileContext,
  { authType, quirks }: { readonly authType: AuthType; readonly quirks: Quirks },
  details: ErrorDetail[],
): Credentials {
  const strategy = readStrategy(context, authType, details);
  if (authType === 'oauth2') {
    for (const name of ['credential_schema', 'probe']) {
      if (context.fields.has(name)) context.fields.refuse(name, 'is for static providers only');
    }
    return { credentialSchema: null, authStrategy: { type: 'oauth2', config: {} } };
  }
  refuseOauthFields(context, quirks);
  checkProbe(context, details);
  if (strategy === null || strategy.type === 'oauth2') {
    return { credentialSchema: null, authStrategy: { type: 'header', config: {} } };
  }
  return { credentialSchema: readSchema(context, strategy, details), authStrategy: strategy };
}

/** The strategy as answers show it: OAuth has no config. */
export function toWireStrategy(strategy: AuthStrategy): { type: string; config?: AuthStrategy['config'] } {
  return strategy.type === 'oauth2' ? { type: strategy.type } : strategy;
}

function readStrategy(context: ProfileContext, authType: AuthType, details: ErrorDetail[]): Strategy | null {
  try {
    return resolveStrategy(authType, context.fields.get('auth_strategy'));
  } catch (error) {
    if (!(error instanceof NexusError) || error.details === null) throw error;
    details.push(...error.details);
    return null;
  }
}

function readSchema(context: ProfileContext, strategy: Strategy, details: ErrorDetail[]): CredentialSchema {
  const used = describeFields(strategy);
  const value = context.fields.get('credential_schema') ?? null;
  if (value === null) {
    if (used.any) return createCredentialSchema(['api_key'], []);
    // A password may be left empty, but only a schema that says so lets it.
    const isBasic = strategy.type === 'basic_auth';
    return createCredentialSchema([...used.required, ...(isBasic ? used.optional : [])], isBasic ? [] : used.optional);
  }
  const before = details.length;
  const schema = readCredentialSchema(value, details);
  if (details.length > before) return schema;
  for (const name of used.required.filter((field) => !schema.required.includes(field))) {
    const path = 'credential_schema.required';
    details.push({ path, message: `must name ${name}, which the ${strategy.type} strategy uses` });
  }
  return schema;
}

/** Where the probe goes; the rest of it has been read. */
function checkProbe(context: ProfileContext, details: ErrorDetail[]): void {
  const given = context.fields.get('probe');
  if (!isJsonObject(given) || typeof given['path'] !== 'string') return;
  const from = new FieldReader(given, 'probe', details);
  readApiUrl(context, { name: 'path', from, hasBase: context.fields.has('api_base_url') });
}

function refuseOauthFields({ fields }: ProfileContext, quirks: Quirks): void {
  if (fields.has('client_secret')) fields.refuse('client_secret', 'is for oauth2 providers only');
  for (const [name, neutral] of Object.entries(oauthOnly)) {
    if (!fields.has(name) || JSON.stringify(fields.get(name)) === neutral) continue;
    fields.refuse(name, 'is for oauth2 providers only');
  }
  for (const key of Object.keys(quirkFields) as (keyof Quirks)[]) {
    if (key === 'inputs' || key === 'probe') continue;
    if (JSON.stringify(quirks[key]) === JSON.stringify(plainQuirks[key])) continue;
    fields.refuse(quirkFields[key].name, 'is for oauth2 providers only');
  }
}
