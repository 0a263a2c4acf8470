import type * as Broker from '@nexus/broker-api/sessions';
import type { Introspection } from '../schemas/v1/oauth.js';

/**
 * A session as RFC 7662, section 2.2 describes a token: `sub` is who is acted for, `act` who acts (RFC 8693, section 4.1).
 *
 * @throws TypeError when the Broker calls a session active without describing it.
 */
export function toIntrospection(answer: Broker.SessionIntrospection, issuer: string): Introspection {
  if (!answer.active) return { active: false };
  const { agent_id, session_id, connection_ref, scopes, issued_at, expires_at, acting_for } = answer;
  const isNamed = agent_id !== undefined && session_id !== undefined && connection_ref !== undefined;
  if (!isNamed || scopes === undefined || issued_at === undefined || expires_at === undefined) {
    throw new TypeError('the Broker does not describe the active session');
  }
  return {
    active: true,
    client_id: agent_id,
    scope: scopes.join(' '),
    ...(acting_for === undefined ? { sub: agent_id } : { sub: acting_for.subject, act: { sub: agent_id } }),
    exp: expires_at,
    iat: issued_at,
    iss: issuer,
    token_type: 'Bearer',
    session_id,
    connection_ref,
  };
}
