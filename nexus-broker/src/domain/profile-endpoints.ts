import { findDisplayProblem } from './display-text.js';
import type { ProfileContext } from './profile-context.js';
import type { ProviderProfile } from './provider.js';
import { findOriginProblem, findUrlProblem, isUriText, maxUrlLength } from './web-url.js';

type Endpoints = Pick<
  ProviderProfile,
  | 'issuer'
  | 'enableDiscovery'
  | 'authUrl'
  | 'tokenUrl'
  | 'userInfoEndpoint'
  | 'revocationEndpoint'
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
    userInfoEndpoint: readApiUrl(context, {
      name: 'user_info_endpoint',
      from: context.fields,
      hasBase: apiBaseUrl !== null,
    }),
    revocationEndpoint: readUrl(context, 'revocation_endpoint'),
    apiBaseUrl,
    allowedOrigins: fields.texts('allowed_origins', maxOrigins, () => null) ?? [],
  };
  for (const origin of endpoints.allowedOrigins) {
    const problem = findOriginProblem(origin, context.environment);
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
  const [, ...others] = listOrigins(endpoints);
  const stray = others.filter((origin) => !endpoints.allowedOrigins.includes(origin));
  if (stray.length > 0) {
    context.unsafe.push(`The endpoints span several origins; list them in allowed_origins: ${stray.join(', ')}.`);
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
    if (/^https?:/.test(text)) return null;
    return hasBase ? findRelativeProblem(text) : 'must be absolute where there is no api_base_url';
  });
  if (value !== null && /^https?:/.test(value)) {
    const problem = findUrlProblem(value.replace(/[{}]/g, '_'), context.environment);
    if (problem !== null) context.unsafe.push(`${name} ${problem}.`);
  }
  return value;
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
  const problem = value === null ? null : findUrlProblem(value, context.environment);
  if (problem !== null) context.unsafe.push(`${name} ${problem}.`);
  return problem === null ? value : null;
}

function findRelativeProblem(text: string): string | null {
  const plain = text.replace(/[{}]/g, '_');
  const path = `/${plain.replace(/^\//, '')}`;
  const message = 'must be an absolute https URL or a path below api_base_url';
  if (!isUriText(plain) || plain.includes('#') || path.startsWith('//')) return message;
  if (/^[A-Za-z][A-Za-z0-9+.-]*:/.test(plain)) return message;
  const base = 'https://api.invalid';
  if (!URL.canParse(`${base}${path}`)) return message;
  const url = new URL(`${base}${path}`);
  return `${url.pathname}${url.search}` === path && url.origin === base ? null : message;
}

/** The provider's own origin first: its issuer's, else the one people are sent to. */
function listOrigins(endpoints: Endpoints): string[] {
  const { issuer, authUrl, tokenUrl, revocationEndpoint, userInfoEndpoint } = endpoints;
  const account = userInfoEndpoint !== null && URL.canParse(userInfoEndpoint) ? userInfoEndpoint : null;
  const urls = [issuer, authUrl, tokenUrl, revocationEndpoint, account];
  return [...new Set(urls.flatMap((url) => (url === null ? [] : [new URL(url).origin])))];
}
