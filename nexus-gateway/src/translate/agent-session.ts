/** Broker sessions to v1: every field is named, so neither a token nor an internal addition becomes public by itself. */
import type * as Broker from '@nexus/broker-api/sessions';
import type {
  AgentSessionClosed,
  AgentSessionOpened,
  AgentSessionState,
  OboSessionOpened,
} from '../schemas/v1/agent-session.js';

export function toAgentSessionOpened(answer: Broker.SessionOpened): AgentSessionOpened {
  return {
    session_id: answer.session_id,
    agent_id: answer.agent_id,
    connection_ref: answer.connection_ref,
    access_token: answer.access_token,
    token_type: answer.token_type,
    scopes_granted: answer.scopes_granted,
    expires_at: answer.expires_at,
    active: answer.active,
    obo: answer.obo,
  };
}

type Delegation = Pick<OboSessionOpened, 'acting_for' | 'tenant_id' | 'clearance_level'>;

/** @throws TypeError when the Broker says less of the user than it promises. */
function toDelegation(answer: Broker.SessionOpened | Broker.SessionState): Delegation {
  const { acting_for, tenant_id = null, clearance_level } = answer;
  if (acting_for === undefined || clearance_level === undefined) {
    throw new TypeError('the Broker does not say for whom the session acts');
  }
  return { acting_for, tenant_id, clearance_level };
}

export function toOboSessionOpened(answer: Broker.SessionOpened): OboSessionOpened {
  return { ...toAgentSessionOpened(answer), ...toDelegation(answer) };
}

export function toAgentSessionState(answer: Broker.SessionState): AgentSessionState {
  return {
    session_id: answer.session_id,
    agent_id: answer.agent_id,
    connection_ref: answer.connection_ref,
    scopes_granted: answer.scopes_granted,
    created_at: answer.created_at,
    expires_at: answer.expires_at,
    active: answer.active,
    closed_at: answer.closed_at,
    obo: answer.obo,
    ...(answer.obo ? toDelegation(answer) : {}),
  };
}

export function toAgentSessionClosed(answer: Broker.SessionClosed): AgentSessionClosed {
  return { session_id: answer.session_id, status: answer.status, active: answer.active };
}
