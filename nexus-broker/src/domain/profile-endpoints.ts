import { findDisplayProblem } from './display-text.js';
import { findHostPlaceProblem, isAbsolute, sampleUrl } from './placeholders.js';
import type { ProfileContext } from './profile-context.js';
import type { Quirks } from './profile-quirks.js';
import type { ProviderProfile } from './provider.js';
import { findOriginProblem, findUrlProblem, isUriText, maxUrlLength } from './web-url.js';

type Endpoints = Pick<
  ProviderProfile,
  | 'issuer'
  | 'enableDiscovery'
  | 'authUrl'
  | 'tokenUrl'
  | 'refreshUrl'
  | 'userInfoEndpoint'
  | 'revocationEndpoint'
  | 'introspectionEndpoint'
  | 'apiBaseUrl'
  | 'allowedOrigins'
>;

const maxOrigins = 10;

/** Where the provider is. Questions of form become details; places that are not safe become `provider_unsafe`. */
export function readEndpoints(context: ProfileContext): Endpoints {
  const { fields } = context;
  const issuer = readUrl(context, 'issuer');
  if (issuer?.includes('?')) context.unsafe.push('issuer must not have a query.');
  const authUrl = readUrl(context, 'auth_url');
  const tokenUrl = readUrl(context, 'token_url');
  const apiBaseUrl = readUrl(context, 'api_base_url');
  if (apiBaseUrl?.includes('?')) fields.refuse('api_base_url', 'must not have a query');
  const endpoints: Endpoints = {
    issuer,
    enableDiscovery: fields.flag('enable_discovery') ?? fields.has('issuer'),
    authUrl,
    tokenUrl,
    refreshUrl: readUrl(context, 'refresh_url'),
    userInfoEndpoint: readApiUrl(context, {
      name: 'user_info_endpoint',
      from: context.fields,
      hasBase: apiBaseUrl !== null,
    }),
    revocationEndpoint: readUrl(context, 'revocation_endpoint'),
    introspectionEndpoint: readUrl(context, 'introspection_endpoint'),
    apiBaseUrl,
    allowedOrigins: fields.texts('allowed_origins', maxOrigins, () => null) ?? [],
  };
  for (const origin of endpoints.allowedOrigins) {
    const problem = findOriginProblem(sampleUrl(origin), context.environment) ?? findHostPlaceProblem(origin);
    if (problem !== null) context.unsafe.push(`allowed_origins ${problem}.`);
  }
  return endpoints;
}

/** The rules of section 6 that hold for OAuth providers only. */
export function checkOauthEndpoints(context: ProfileContext, endpoints: Endpoints, scopes: readonly string[]): void {
  const { fields } = context;
  if (endpoints.enableDiscovery && !fields.has('issuer')) fields.refuse('issuer', 'is required for enable_discovery');
  if (!endpoints.enableDiscovery) {
    if (!fields.has('auth_url')) fields.refuse('auth_url', 'is required without discovery');
    if (!fields.has('token_url')) fields.refuse('token_url', 'is required without discovery');
  }
  // OpenID Connect Core section 3.1.3.7: an ID token is checked against the issuer, so there has to be one.
  if (scopes.includes('openid') && !fields.has('issuer')) {
    fields.refuse('scopes', 'may hold openid only for a provider with an issuer');
  }
}

interface ApiUrlField {
  readonly name: string;
  readonly from: ProfileContext['fields'];
  readonly hasBase: boolean;
}

/** Reads a URL that may be relative to the API's base and may hold the placeholders of the path strategy. */
export function readApiUrl(context: ProfileContext, { name, from, hasBase }: ApiUrlField): string | null {
  const value = from.text(name, (text) => {
    if (text.length < 1 || text.length > maxUrlLength) return `must be 1 to ${maxUrlLength} characters`;
    if (isAbsolute(text)) return null;
    return hasBase ? findRelativeProblem(text) : 'must be absolute where there is no api_base_url';
  });
  if (value !== null && isAbsolute(value)) {
    const problem = findPlacedProblem(context, value);
    if (problem !== null) context.unsafe.push(`${name} ${problem}.`);
  }
  return value;
}

/** The URLs of calls that a profile describes as blocks of their own; the rest of these has been read. */
export function checkRequestUrls(context: ProfileContext, { upgrade, revoke, account }: Quirks): void {
  const absolute = { 'upgrade.url': upgrade?.url, 'revoke.request.url': revoke.request?.url };
  for (const [name, url] of Object.entries(absolute)) {
    const problem = url === undefined ? null : findPlacedProblem(context, url);
    if (problem !== null) context.unsafe.push(`${name} ${problem}.`);
  }
  const from = context.fields.nested('account')?.nested('request') ?? null;
  if (from === null || account.request === null) return;
  readApiUrl(context, { name: 'url', from, hasBase: context.fields.has('api_base_url') });
}

/** A link that people or frontends follow; Nexus itself never does. */
export function findLinkProblem(text: string): string | null {
  const isLink = text.length <= maxUrlLength && isUriText(text) && /^https:\/\/[^/?#@]+(?:[/?#]|$)/.test(text);
  return isLink && URL.canParse(text) ? null : `must be an https URL of at most ${maxUrlLength} characters`;
}

/** A logo is a link or an inlined image, so that a page can show it without asking anybody. */
export function findLogoProblem(text: string): string | null {
  if (!text.startsWith('data:')) return findLinkProblem(text);
  if (text.length > 32_768) return 'must be at most 32 KiB';
  const isImage = /^data:image\/(?:png|svg\+xml|webp|jpeg|gif);base64,[A-Za-z0-9+/]+={0,2}$/.test(text);
  return isImage ? null : 'must be an image in base64';
}

export function findNameProblem(text: string): string | null {
  return findDisplayProblem(text, 80);
}

function readUrl(context: ProfileContext, name: string): string | null {
  const value = context.fields.text(name, () => null);
  const problem = value === null ? null : findPlacedProblem(context, value);
  if (problem !== null) context.unsafe.push(`${name} ${problem}.`);
  return problem === null ? value : null;
}

function findPlacedProblem({ environment }: ProfileContext, url: string): string | null {
  return findUrlProblem(sampleUrl(url), environment) ?? findHostPlaceProblem(url);
}

function findRelativeProblem(text: string): string | null {
  const plain = sampleUrl(text);
  const path = `/${plain.replace(/^\//, '')}`;
  const message = 'must be an absolute https URL or a path below api_base_url';
  if (!isUriText(plain) || plain.includes('#') || path.startsWith('//')) return message;
  if (/^[A-Za-z][A-Za-z0-9+.-]*:/.test(plain)) return message;
  const base = 'https://api.invalid';
  if (!URL.canParse(`${base}${path}`)) return message;
  const url = new URL(`${base}${path}`);
  return `${url.pathname}${url.search}` === path && url.origin === base ? null : message;
}
