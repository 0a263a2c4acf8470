import type { NexusError } from '@nexus/core/errors';
import { describeRetry } from './pages/answer.js';
import { describeOAuthError } from './translate/oauth-error.js';

/** An error of the standard door in OAuth's own form; a 401 says how a client authenticates (RFC 6749, section 5.2). */
export function answerOAuthError(error: NexusError): Response {
  const { status, body } = describeOAuthError(error);
  const headers = {
    'Content-Type': 'application/json',
    ...(status === 401 ? { 'WWW-Authenticate': 'Basic realm="nexus"' } : {}),
    ...(status === 429 || status === 503 ? describeRetry(error) : {}),
  };
  return new Response(JSON.stringify(body), { status, headers });
}
