import { type ErrorDetail, NexusError } from '@nexus/core/errors';
import { resolveApiUrl } from './api-url.js';
import { findProseProblem } from './display-text.js';
import { FieldReader, isJsonObject, type JsonObject, readObject, throwIfAny } from './field-reader.js';
import { checkOrigins } from './placed-urls.js';
import { hasPlaces, originText, sampleUrl } from './placeholders.js';
import { checkAgreement } from './profile-agreement.js';
import {
  checkClient,
  findClientIdProblem,
  readAuthorization,
  readClientAuthentication,
  readClientSecrets,
} from './profile-client.js';
import type { ProfileContext } from './profile-context.js';
import { readCredentialFields } from './profile-credentials.js';
import {
  checkOauthEndpoints,
  checkRequestUrls,
  findLinkProblem,
  findLogoProblem,
  findNameProblem,
  readEndpoints,
} from './profile-endpoints.js';
import { checkPlaces } from './profile-places.js';
import { readQuirks } from './profile-quirks.js';
import { authTypes, type ProviderProfile, type TemplateUse } from './provider.js';
import type { Environment } from './web-url.js';
import { toWriteProfile, writableFields } from './wire-profile.js';

export interface ProfileOptions {
  readonly environment: Environment;
  /** The template the body was expanded from. */
  readonly template?: TemplateUse | null;
}

export interface ParsedProfile {
  readonly profile: ProviderProfile;
  /** The new client secrets in the order they are tried; empty: remove them; null: none were named. */
  readonly clientSecrets: readonly string[] | null;
}

/** The profile of a request body, which is the profile itself or `{ "profile": { … } }`. */
export function unwrapProfile(body: unknown): JsonObject {
  const given = readObject(body, 'The body');
  const inner = given['profile'];
  return Object.keys(given).length === 1 && isJsonObject(inner) ? inner : given;
}

/** Throws `reserved_parameter`, `invalid_request` with every problem found, or `provider_unsafe`, in this order. */
export function parseProviderProfile(body: unknown, options: ProfileOptions): ParsedProfile {
  return readProfile(readObject(body, 'The profile'), options, false);
}

/** As `parseProviderProfile`, for a profile that takes the place of another: a secret that is not named is kept. */
export function parseReplacement(existing: ProviderProfile, body: unknown, options: ProfileOptions): ParsedProfile {
  const given = readObject(body, 'The profile');
  refuseOtherKind(existing, given['auth_type']);
  return requireNewKind(existing, readProfile(given, options, existing.tokenEndpointAuthMethod !== 'none'));
}

/**
 * Changes the fields that the patch names and checks the whole result; `null` gives a field its default back. What
 * kind of credential a provider has stays: credentials of the other kind would be handed out wrongly.
 */
export function mergeProviderPatch(existing: ProviderProfile, patch: unknown, options: ProfileOptions): ParsedProfile {
  const changes = readObject(patch, 'The patch');
  // A map, because an assignment to `__proto__` on an object would hide that name from the check for unknown fields.
  const merged = new Map<string, unknown>(Object.entries(toWriteProfile(existing)));
  const namesSecret = (changes['client_secret'] ?? null) !== null;
  const namesMethod = Object.hasOwn(changes, 'token_endpoint_auth_method') || Object.hasOwn(changes, 'auth_header');
  if (namesMethod || (namesSecret && existing.tokenEndpointAuthMethod === 'none')) {
    merged.delete('token_endpoint_auth_method');
  }
  if (changes['issuer'] === null) merged.delete('enable_discovery');
  for (const [name, value] of Object.entries(changes)) {
    if (value === null && name !== 'client_secret' && writableFields.includes(name)) merged.delete(name);
    else merged.set(name, value);
  }
  refuseOtherKind(existing, changes['auth_type']);
  // A profile was stored only if its client authentication method and its secrets fit together.
  const hadSecret = existing.tokenEndpointAuthMethod !== 'none';
  return requireNewKind(existing, readProfile(Object.fromEntries(merged), options, hadSecret));
}

/** A key that was given to sign with must not be sent as a password, and a password is no key. */
function requireNewKind(existing: ProviderProfile, parsed: ParsedProfile): ParsedProfile {
  const hadKey = existing.tokenEndpointAuthMethod === 'private_key_jwt';
  const hasKey = parsed.profile.tokenEndpointAuthMethod === 'private_key_jwt';
  if (hadKey !== hasKey && parsed.clientSecrets === null) {
    const message = 'must be sent again when token_endpoint_auth_method changes to or from private_key_jwt';
    throwIfAny('The provider profile is not valid', [{ path: 'client_secret', message }]);
  }
  return parsed;
}

function refuseOtherKind(existing: ProviderProfile, given: unknown): void {
  if (given === undefined || given === existing.authType) return;
  throwIfAny('The provider profile is not valid', [{ path: 'auth_type', message: 'cannot be changed' }]);
}

/** Every URL of a profile that the Broker or a person's browser will go to, absolute, each once. */
export function listProviderUrls(profile: ProviderProfile): string[] {
  const { apiBaseUrl } = profile;
  const targets = [profile.userInfoEndpoint, profile.account.request?.url ?? null, profile.probe?.path ?? null];
  // What is relative to a base that values name is where the base is.
  const isKnown = apiBaseUrl === null || !hasPlaces(originText(apiBaseUrl));
  const isListed = (target: string | null) => target !== null && (isKnown || /^https?:/.test(target));
  const urls = [
    profile.issuer,
    profile.authUrl,
    profile.tokenUrl,
    profile.refreshUrl,
    profile.revocationEndpoint,
    profile.introspectionEndpoint,
    profile.upgrade?.url ?? null,
    profile.revoke.request?.url ?? null,
    apiBaseUrl,
    ...targets.filter(isListed).map((target) => resolveApiUrl({ apiBaseUrl }, target ?? '')),
    ...profile.allowedOrigins,
  ];
  // Which host a value names is known, and checked, when a connection has it.
  const known = urls.filter((url) => url !== null && !hasPlaces(originText(url)));
  return [...new Set(known.map((url) => sampleUrl(url ?? '')))];
}

function readProfile(body: JsonObject, options: ProfileOptions, hadSecret: boolean): ParsedProfile {
  const details: ErrorDetail[] = [];
  const fields = new FieldReader(body, '', details);
  const context: ProfileContext = { fields, environment: options.environment, unsafe: [], reserved: [] };
  fields.refuseUnknown(writableFields);
  if (!fields.has('auth_type')) fields.refuse('auth_type', 'is required');
  const authType = fields.choice('auth_type', authTypes);
  const identity = readIdentity(fields);
  const authorization = readAuthorization(context);
  const endpoints = readEndpoints(context);
  const clientSecrets = readClientSecrets(fields);
  const hasSecret = clientSecrets === null ? hadSecret : clientSecrets.length > 0;
  const tokenEndpointAuthMethod = readClientAuthentication(fields, hasSecret);
  const clientId = fields.text('client_id', findClientIdProblem);
  if (authType === 'oauth2') {
    checkClient(fields, tokenEndpointAuthMethod, hasSecret);
    checkOauthEndpoints(context, endpoints, authorization.scopes);
  }
  const quirks = readQuirks(fields);
  const credentials = authType === null ? null : readCredentialFields(context, { authType, quirks }, details);
  if (authType === 'oauth2') {
    checkRequestUrls(context, quirks);
    checkAgreement(context, quirks, { issuer: endpoints.issuer, tokenEndpointAuthMethod });
  }
  if (details.length === 0) {
    checkPlaces(context, { ...endpoints, ...quirks });
    if (authType === 'oauth2' && context.unsafe.length === 0) checkOrigins(context, { ...endpoints, ...quirks });
  }
  throwFindings(context, details);
  if (authType === null || credentials === null) throw new NexusError('internal_error', 'A finding went missing.');
  return {
    profile: {
      ...identity,
      authType,
      clientId,
      ...endpoints,
      ...authorization,
      ...quirks,
      tokenEndpointAuthMethod,
      ...credentials,
      template: options.template ?? null,
    },
    clientSecrets,
  };
}

function readIdentity(
  fields: FieldReader,
): Pick<ProviderProfile, 'name' | 'displayName' | 'description' | 'category' | 'logoUrl' | 'docsUrl'> {
  const name = fields.required('name', (text) =>
    /^[a-z0-9][a-z0-9-]{0,62}$/.test(text) ? null : 'must be lower-case letters, digits and hyphens, at most 63',
  );
  return {
    name,
    displayName: fields.text('display_name', findNameProblem)?.normalize('NFC') ?? name,
    description: fields.text('description', (text) => findProseProblem(text, 1000)),
    category: fields.text('category', findNameProblem),
    logoUrl: fields.text('logo_url', findLogoProblem),
    docsUrl: fields.text('docs_url', findLinkProblem),
  };
}

function throwFindings({ reserved, unsafe }: ProfileContext, details: readonly ErrorDetail[]): void {
  if (reserved.length > 0) {
    throw new NexusError('reserved_parameter', `A profile may not set what Nexus sets itself: ${reserved.join(', ')}.`);
  }
  throwIfAny('The provider profile is not valid', details);
  if (unsafe.length > 0) throw new NexusError('provider_unsafe', unsafe.slice(0, 5).join(' '));
}
