import type { BlobContext } from '@nexus/vault/vault';
import type { AgentSession } from './agent-session.js';
import type { Flow } from './authorization-flow.js';

interface CredentialOwner {
  readonly connectionRef: string;
  readonly workspaceId: string;
  readonly providerId: string;
}

/** What a connection's credential is sealed to: its row, its version and the origin that issued it. */
export function credentialContext(owner: CredentialOwner, version: number, issuedOrigin: string): BlobContext {
  return {
    purpose: 'cred',
    table: 'connection',
    column: 'sealed_credential',
    workspaceId: owner.workspaceId,
    rowId: owner.connectionRef,
    providerId: owner.providerId,
    version,
    issuedOrigin,
  };
}

/** What a token minted for a session is sealed to: its session, its place in their order, and the origin that minted it. */
export function sessionTokenContext(
  session: Pick<AgentSession, 'sessionId' | 'workspaceId' | 'providerId'>,
  version: number,
  tokenOrigin: string,
): BlobContext {
  return {
    purpose: 'cred',
    table: 'agent_session',
    column: 'sealed_token',
    workspaceId: session.workspaceId,
    rowId: session.sessionId,
    providerId: session.providerId,
    version,
    issuedOrigin: tokenOrigin,
  };
}

export function flowContext(
  flow: Pick<Flow, 'flowId' | 'workspaceId' | 'providerId'>,
  column: 'sealed_secrets' | 'sealed_result',
): BlobContext {
  return {
    purpose: 'flow',
    table: 'flow',
    column,
    workspaceId: flow.workspaceId,
    rowId: flow.flowId,
    providerId: flow.providerId,
    version: 0,
    issuedOrigin: '',
  };
}

export function providerSecretsContext(providerId: string, version: number): BlobContext {
  return {
    purpose: 'provider',
    table: 'provider',
    column: 'sealed_secrets',
    workspaceId: '',
    rowId: providerId,
    providerId,
    version,
    issuedOrigin: '',
  };
}

export function webhookSecretsContext(webhookId: string, version: number): BlobContext {
  return {
    purpose: 'provider',
    table: 'webhook',
    column: 'sealed_secrets',
    workspaceId: '',
    rowId: webhookId,
    providerId: '',
    version,
    issuedOrigin: '',
  };
}
