import { createHash } from 'node:crypto';
import { fillKnown } from '../domain/placeholders.js';
import { isReservedParameter } from '../domain/profile-client.js';
import type { Provider, ProviderProfile } from '../domain/provider.js';
import type { AuthorizationServer } from './authorization-server.js';
import { nameParameter } from './shape-request.js';

export interface AuthorizationUrlInput {
  readonly provider: Provider;
  readonly clientSecrets: readonly string[];
  readonly redirectUri: string;
  readonly state: string;
  readonly codeVerifier: string;
  readonly nonce: string;
  readonly scopes: readonly string[];
  readonly loginHint: string | null;
}

/** The value both requests of a flow carry, so that the provider can compare them as strings (RFC 6749 4.1.3). */
export function normalizeRedirectUri(redirectUri: string): string {
  return new URL(redirectUri).href;
}

/** Builds the authorization request (RFC 6749 section 4.1.1, RFC 7636 section 4.3). */
export function buildAuthorizationUrl(server: AuthorizationServer, input: AuthorizationUrlInput): string {
  const { profile } = input.provider;
  const clientId = profile.clientId ?? '';
  const url = new URL(fillKnown(server.authorizationEndpoint, { client_id: clientId }));
  const query = url.searchParams;
  // What the profile adds was checked when it was registered; it is checked again because a row can be older.
  for (const name of [...query.keys()]) if (isReservedParameter(name)) query.delete(name);
  for (const [name, value] of Object.entries(profile.params)) if (!isReservedParameter(name)) query.set(name, value);

  const set = (name: string, value: string) => {
    if (name !== '') query.set(name, value);
  };
  set(nameParameter(profile, 'response_type'), 'code');
  set(nameParameter(profile, 'client_id'), clientId);
  set(nameParameter(profile, 'redirect_uri'), normalizeRedirectUri(input.redirectUri));
  query.set('state', input.state);
  if (input.scopes.length > 0) set(nameScope(profile), input.scopes.join(profile.scopeSeparator));
  if (server.hasIssuer && input.scopes.includes('openid')) query.set('nonce', input.nonce);
  if (profile.pkce !== 'refused') {
    query.set('code_challenge', createHash('sha256').update(input.codeVerifier, 'ascii').digest('base64url'));
    query.set('code_challenge_method', 'S256');
  }
  if (input.loginHint !== null) query.set('login_hint', input.loginHint);
  return url.href;
}

/** Some providers ask for a person's scopes under another name than the usual one, which means an app's own there. */
function nameScope(profile: ProviderProfile): string {
  return profile.scopeParam === 'scope' ? nameParameter(profile, 'scope') : profile.scopeParam;
}
