/** The keys a provider signs ID tokens with, fetched ahead of the call whose answer is verified with them. */
import { systemClock } from '@nexus/core/clock';
import { isJsonObject } from '../domain/field-reader.js';
import type { AuthorizationServer } from './authorization-server.js';
import { recordAnswer } from './shape-answer.js';
import type { TokenRequestDeps } from './token-request.js';

const timeoutMs = 2_000;
/** openid-client uses no keys older than five minutes, and these have to outlast the call. */
const freshSeconds = 240;

/** Never rejects: without keys no ID token is kept. `signal` ends the request like the call that it goes ahead of. */
export async function learnKeys(
  { guardedFetch }: Pick<TokenRequestDeps, 'guardedFetch'>,
  { jwksUri, jwksCache }: AuthorizationServer,
  signal?: AbortSignal,
): Promise<void> {
  // openid-client judges their age by the system clock.
  const nowSeconds = Math.floor(systemClock.now() / 1_000);
  if (jwksUri === null || (jwksCache.current !== null && nowSeconds < jwksCache.current.uat + freshSeconds)) return;
  const deadline = AbortSignal.timeout(timeoutMs);
  try {
    const response = await guardedFetch.fetch(jwksUri, {
      headers: { accept: 'application/json, application/jwk-set+json' },
      signal: signal === undefined ? deadline : AbortSignal.any([deadline, signal]),
    });
    const { status, json } = await recordAnswer(response);
    if (status !== 200 || !isJsonObject(json) || !Array.isArray(json['keys'])) return;
    jwksCache.current = { jwks: { keys: json['keys'].filter(isJsonObject) }, uat: nowSeconds };
  } catch {
    return;
  }
}
