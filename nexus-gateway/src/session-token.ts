/** The session token of an agent as a bearer token (RFC 6750, section 2.1); no other header and no key stands in for it. */
import { NexusError } from '@nexus/core/errors';
import { isToken } from '@nexus/core/tokens';
import type { RequestSource } from './caller.js';

/** @throws NexusError invalid_session_token */
export function requireSessionToken(source: RequestSource): string {
  const [, token = ''] = /^bearer +(\S+) *$/i.exec(source.req.header('authorization') ?? '') ?? [];
  if (isToken(token, 'nxs')) return token;
  throw new NexusError('invalid_session_token', 'Send the token of this session as `Authorization: Bearer`.');
}

/** Refuses a request that holds no session token before the Broker is asked. */
export async function demandSessionToken(source: RequestSource, next: () => Promise<void>): Promise<void> {
  requireSessionToken(source);
  await next();
}

interface AnswerSource {
  readonly res: { readonly status: number; readonly headers: Headers };
}

/** Says with every 401 what would have been accepted (RFC 6750, section 3). */
export async function challengeBearer(source: AnswerSource, next: () => Promise<void>): Promise<void> {
  await next();
  if (source.res.status === 401) source.res.headers.set('WWW-Authenticate', 'Bearer realm="nexus"');
}
