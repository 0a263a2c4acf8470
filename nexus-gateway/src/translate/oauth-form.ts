import { isToken } from '@nexus/core/tokens';
import { OAuthError } from './oauth-error.js';

/** Parameters that have a value; of each name there is one at most. */
export type OAuthForm = ReadonlyMap<string, string>;

/** @throws OAuthError invalid_request */
export function requireParameter(form: OAuthForm, name: string): string {
  const value = form.get(name);
  if (value === undefined) throw new OAuthError('invalid_request', `\`${name}\` is required.`);
  return value;
}

/** A session token, or null: what is no token of ours is somebody else's secret, and goes no further. */
export function keepOurs(token: string): string | null {
  return isToken(token, 'nxs') ? token : null;
}
