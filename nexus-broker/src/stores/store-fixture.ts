/** Rows for store tests: everything a domain object needs, with new ids, and room to say what matters to a test. */
import { createHash, randomBytes } from 'node:crypto';
import { toInstant } from '@nexus/core/clock';
import { UlidSequence } from '@nexus/core/ids';
import type { SealedBlob } from '@nexus/vault/vault';
import type { Agent } from '../domain/agent.js';
import type { AgentSession } from '../domain/agent-session.js';
import type { ApiKey } from '../domain/api-key.js';
import type { AuditEntry } from '../domain/audit-event.js';
import type { Flow } from '../domain/authorization-flow.js';
import type { Connection } from '../domain/connection.js';
import { plainQuirks } from '../domain/profile-quirks.js';
import type { Provider, ProviderProfile } from '../domain/provider.js';
import type { Webhook } from '../domain/webhook.js';
import type { StoreCredentialInput } from './connection-changes.js';
import type { Database } from './database.js';

export const testTime = toInstant(Date.UTC(2026, 0, 1));
export const laterTime = toInstant(Date.UTC(2026, 0, 2));

const ids = new UlidSequence();

/** In the order of making, as tests expect of rows. */
export function createId(): string {
  return ids.next(Date.now());
}

export function createHashText(): string {
  return randomBytes(32).toString('hex');
}

export function createSealed(text = 'sealed'): SealedBlob {
  return Buffer.from(text) as Uint8Array as SealedBlob;
}

export function createProfile(values: Partial<ProviderProfile> = {}): ProviderProfile {
  return {
    name: `provider-${createId().toLowerCase()}`,
    displayName: 'Provider',
    description: null,
    category: null,
    logoUrl: null,
    docsUrl: null,
    authType: 'oauth2',
    clientId: 'client',
    issuer: null,
    enableDiscovery: false,
    authUrl: 'https://provider.example/authorize',
    tokenUrl: 'https://provider.example/token',
    refreshUrl: null,
    introspectionEndpoint: null,
    userInfoEndpoint: null,
    revocationEndpoint: null,
    scopes: ['read'],
    scopeSeparator: ' ',
    pkce: 'required',
    tokenEndpointAuthMethod: 'client_secret_basic',
    apiBaseUrl: null,
    allowedOrigins: [],
    credentialSchema: null,
    authStrategy: { type: 'oauth2', config: {} },
    params: {},
    downscope: null,
    errors: {},
    allowWiderToken: false,
    exposeIdToken: false,
    template: null,
    ...plainQuirks,
    ...values,
  };
}

export function createProvider(values: Partial<Provider> = {}): Provider {
  return {
    providerId: createId(),
    version: 1,
    profile: createProfile(),
    sealedSecrets: createSealed('client secrets'),
    createdAt: testTime,
    updatedAt: testTime,
    deletedAt: null,
    ...values,
  };
}

export function createConnection(providerId: string, values: Partial<Connection> = {}): Connection {
  return {
    connectionRef: createId(),
    idHash: createHashText(),
    workspaceId: 'workspace',
    providerId,
    status: 'pending',
    reason: null,
    pendingUntil: null,
    version: 0,
    sealedCredential: null,
    requestedScopes: ['read'],
    grantedScopes: null,
    accountSubject: null,
    accountLabel: null,
    inputs: {},
    accountData: {},
    metadata: {},
    requestedBy: null,
    accessExpiresAt: null,
    refreshAfter: null,
    hasRefreshToken: false,
    issuedOrigin: '',
    lastRefreshAt: null,
    createdAt: testTime,
    updatedAt: testTime,
    revokedAt: null,
    ...values,
  };
}

export function createFlow(connection: Connection, values: Partial<Flow> = {}): Flow {
  return {
    flowId: createId(),
    ticketHash: createHashText(),
    connectionRef: connection.connectionRef,
    providerId: connection.providerId,
    workspaceId: connection.workspaceId,
    kind: 'oauth',
    isReconnect: false,
    status: 'open',
    completion: 'confirm',
    completionChallenge: null,
    returnUrl: 'https://app.example/return',
    appName: 'App',
    scopes: ['read'],
    loginHint: null,
    expectedSubject: null,
    accountLabel: null,
    inputs: {},
    requestedBy: null,
    source: '192.0.2.1',
    cookieHash: null,
    stateHash: null,
    redirectUri: null,
    sealedSecrets: null,
    handleHash: null,
    handleExpiresAt: null,
    sealedResult: null,
    refusals: 0,
    createdAt: testTime,
    expiresAt: testTime,
    ...values,
  };
}

export function createKey(values: Partial<ApiKey> = {}): ApiKey {
  return {
    keyId: createId(),
    keyHash: createHashText(),
    role: 'operator',
    name: 'key',
    lastFour: 'abcd',
    agentId: null,
    createdAt: testTime,
    expiresAt: null,
    revokedAt: null,
    lastUsedAt: null,
    ...values,
  };
}

export function createAgent(values: Partial<Agent> = {}): Agent {
  return {
    agentId: `agent-${createId()}`,
    displayName: null,
    description: '',
    allowedScopes: ['read'],
    allowedProviders: null,
    metadata: {},
    active: true,
    createdAt: testTime,
    updatedAt: testTime,
    ...values,
  };
}

export function createSession(values: Partial<AgentSession> = {}): AgentSession {
  return {
    sessionId: `sess_${createId()}`,
    tokenHash: createHashText(),
    agentId: 'agent',
    openedBy: createId(),
    connectionRef: createId(),
    providerId: createId(),
    workspaceId: 'workspace',
    scopes: ['read'],
    onBehalfOf: null,
    createdAt: testTime,
    expiresAt: laterTime,
    closedAt: null,
    end: null,
    sealedToken: null,
    tokenVersion: 0,
    tokenOrigin: '',
    ...values,
  };
}

export function createEntry(values: Partial<AuditEntry> = {}): AuditEntry {
  const id = values.id ?? createId();
  const entry = values.entry ?? JSON.stringify({ v: 1, id, padding: 'x'.repeat(500) });
  return {
    id,
    createdAt: testTime,
    eventType: 'token.retrieved',
    outcome: 'success',
    actorId: null,
    connectionRef: null,
    resourceId: null,
    agentId: null,
    workspaceId: null,
    entry,
    entryHash: createHash('sha256').update(entry).digest(),
    mac: randomBytes(32),
    macKey: 1,
    ...values,
  };
}

export function createCredentialInput(
  connection: Connection,
  values: Partial<StoreCredentialInput> = {},
): StoreCredentialInput {
  return {
    connectionRef: connection.connectionRef,
    expectedVersion: connection.version,
    sealed: createSealed('credential'),
    from: ['pending'],
    grantedScopes: ['read'],
    accountSubject: 'subject',
    accountLabel: 'label',
    accessExpiresAt: 1_900_000_000,
    refreshAfter: 1_899_999_000_000,
    hasRefreshToken: true,
    issuedOrigin: 'https://provider.example',
    at: laterTime,
    inputs: null,
    accountData: null,
    isRefresh: false,
    ...values,
  };
}

export async function insertProvider(database: Database, values: Partial<Provider> = {}): Promise<Provider> {
  const provider = createProvider(values);
  await database.transaction((stores) => stores.providers.insert(provider));
  return provider;
}

/** Inserts a pending connection of `providerId`, in time for ten minutes. */
export async function insertConnection(
  database: Database,
  providerId: string,
  values: Partial<Connection> = {},
): Promise<Connection> {
  const connection = createConnection(providerId, values);
  await database.transaction((stores) => stores.connections.insert(connection, 600));
  return connection;
}

export async function insertFlow(
  database: Database,
  connection: Connection,
  values: Partial<Flow> = {},
): Promise<Flow> {
  const flow = createFlow(connection, values);
  const expiresAt = await database.transaction((stores) => stores.flows.insert(flow));
  return { ...flow, expiresAt };
}

export function createWebhook(values: Partial<Webhook> = {}): Webhook {
  return {
    webhookId: createId(),
    url: 'https://receiver.example/hook',
    events: ['connection.active'],
    active: true,
    version: 1,
    sealedSecrets: createSealed('webhook secrets'),
    createdAt: testTime,
    updatedAt: testTime,
    ...values,
  };
}
