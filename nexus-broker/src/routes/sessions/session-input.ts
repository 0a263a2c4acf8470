import type { SessionRequest } from '@nexus/broker-api/sessions';
import type { SessionFilter } from '../../domain/agent-session.js';
import type { OpenSessionInput } from '../../services/sessions/open-session.js';

export function toSessionInput(body: SessionRequest): OpenSessionInput {
  return {
    agentId: body.agent_id,
    connectionId: body.connection_id ?? null,
    workspaceId: body.workspace_id ?? null,
    providerName: body.provider_name ?? null,
    connectionRef: body.connection_ref ?? null,
    scopes: body.scopes,
    ttlSeconds: body.ttl_seconds ?? null,
  };
}

interface WireFilter {
  readonly agent_id?: string | undefined;
  readonly connection_ref?: string | undefined;
  readonly key_id?: string | undefined;
  readonly issuer?: string | undefined;
  readonly sub?: string | undefined;
}

export function toSessionFilter(filter: WireFilter): SessionFilter {
  return {
    agentId: filter.agent_id,
    connectionRef: filter.connection_ref,
    openedBy: filter.key_id,
    userIssuer: filter.issuer,
    userSubject: filter.sub,
  };
}
