/** A provider's own way to take a token back, filled from its profile. */
import { fillKnown, fillText } from '../domain/placeholders.js';
import type { RevokeRecipe } from '../domain/profile-quirks.js';
import type { ProviderProfile } from '../domain/provider.js';
import { layOut, nameParameter, type ShapedRequest } from './shape-request.js';

type Recipe = NonNullable<RevokeRecipe['request']>;

/** Whether the request carries a client secret, so that each is worth a try. */
export function needsSecret({ auth, params }: Recipe): boolean {
  return auth.startsWith('client_') || Object.values(params).some((value) => value.includes('{client_secret}'));
}

/** `url` is placed for the connection already. */
export function fillRecipe(
  profile: ProviderProfile,
  { auth, bodyFormat, headers, method, params, url }: Recipe,
  { token, secret }: { readonly token: string; readonly secret: string },
): ShapedRequest {
  const clientId = profile.clientId ?? '';
  const filled = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    filled.set(name, fillText(value, { token, client_id: clientId, client_secret: secret }));
  }
  if (auth === 'client_body') {
    filled.set(nameParameter(profile, 'client_id'), clientId);
    filled.set(nameParameter(profile, 'client_secret'), secret);
  }
  const named = Object.entries(headers).map(([name, value]) => [name, fillText(value, { client_id: clientId })]);
  return layOut({
    url: fillKnown(url, { token, client_id: clientId }),
    method,
    headers: {
      accept: 'application/json',
      ...Object.fromEntries(named),
      ...authorize(auth, { token, clientId, secret }),
    },
    params: filled,
    bodyFormat,
  });
}

function authorize(
  auth: Recipe['auth'],
  { token, clientId, secret }: { readonly token: string; readonly clientId: string; readonly secret: string },
): Record<string, string> {
  if (auth === 'bearer') return { authorization: `Bearer ${token}` };
  if (auth !== 'client_basic') return {};
  // RFC 6749 section 2.3.1: both are encoded as in a form first.
  const pair = [clientId, secret].map((part) => new URLSearchParams({ part }).toString().slice('part='.length));
  return { authorization: `Basic ${Buffer.from(pair.join(':')).toString('base64')}` };
}
