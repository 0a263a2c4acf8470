import type { JsonValue } from '@nexus/core/canonical-json';
import type { Clock, Instant } from '@nexus/core/clock';
import { toInstant } from '@nexus/core/clock';
import { NexusError } from '@nexus/core/errors';
import { createUlid } from '@nexus/core/ids';
import { createToken, hashToken } from '@nexus/core/tokens';
import type { AuditLog } from '../../audit/audit-log.js';
import { type FindByIdDeps, getConnectionById } from '../../disclosure/get-connection-by-id.js';
import { type Flow, flowLifetimeSeconds } from '../../domain/authorization-flow.js';
import { type Connection, currentStatus, type FailedReason, type StatusNow } from '../../domain/connection.js';
import type { PlaceValues } from '../../domain/placeholders.js';
import { readInputs } from '../../domain/profile-places.js';
import { isOauth, type Provider } from '../../domain/provider.js';
import { type RequestContext, toAuditOrigin } from '../../domain/request-context.js';
import { type AllowedReturn, checkReturnUrl } from '../../domain/return-url.js';
import { toSourceKey } from '../../domain/source-key.js';
import { findMovedInputs } from '../../domain/tenant.js';
import type { Stores } from '../../stores/database.js';
import { findRequestedProvider } from './find-requested-provider.js';

export type RequestConnectionDeps = FindByIdDeps & {
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly environment: 'production' | 'development';
  readonly publicUrl: string;
  readonly pendingCaps: { readonly perSource: number; readonly total: number };
};

export interface RequestConnectionInput {
  readonly workspaceId: string;
  readonly providerName: string | null;
  readonly providerId: string | null;
  readonly scopes: readonly string[] | null;
  readonly returnUrl: string;
  readonly metadata: JsonValue;
  readonly accountLabel: string | null;
  readonly loginHint: string | null;
  readonly expectedSubject: string | null;
  readonly inputs: Readonly<Record<string, string>>;
  readonly connectionId: string | null;
  readonly completionChallenge: string | null;
}

export interface RequestedConnection {
  readonly connectionId: string;
  readonly connectionRef: string;
  readonly authUrl: string;
  readonly ticket: string;
  readonly provider: Provider;
  readonly scopes: readonly string[];
  readonly expiresAt: string;
}

const maxMetadataBytes = 4_096;

/** Opens a flow for a new connection, or for an existing one whose id the caller holds. */
export async function requestConnection(
  deps: RequestConnectionDeps,
  input: RequestConnectionInput,
  context: RequestContext,
): Promise<RequestedConnection> {
  const provider = await findRequestedProvider(deps.database, input);
  checkInput(input, provider);
  const allowed = checkReturnUrl({
    returnUrl: input.returnUrl,
    origins: await deps.database.stores.returnOrigins.list(),
    environment: deps.environment,
  });
  if (allowed.completion === 'bound' && input.completionChallenge === null) {
    throw new NexusError(
      'completion_required',
      'This return origin is registered as bound: send a completion_challenge.',
    );
  }
  const existing = input.connectionId === null ? null : await findReconnected(deps, input, provider, context);
  const connectionId = input.connectionId ?? createToken('nxc');
  const ticket = createToken('nxt');
  const flow = createFlow(deps, input, { provider, allowed, existing, ticket, context });
  if (existing !== null) checkTenant(provider, existing, flow);
  const now = await deps.database.now();
  const expiresAt = await deps.database.transaction(async (stores) => {
    await checkPendingCaps(deps, stores, flow);
    if (existing === null) {
      await stores.connections.insert(createConnection(flow, hashToken(connectionId), input), flowLifetimeSeconds);
    } else {
      await prepareReconnect(stores, existing, currentStatus(existing, now), flow.createdAt);
    }
    const writtenExpiry = await stores.flows.insert(flow);
    await recordRequest(deps, stores, flow, provider, context);
    return writtenExpiry;
  });
  return {
    connectionId,
    connectionRef: flow.connectionRef,
    authUrl: `${deps.publicUrl}/connect/${ticket}`,
    ticket,
    provider,
    scopes: flow.scopes,
    expiresAt,
  };
}

/** A pending connection gets the time of the new flow; one whose first flow ran out has failed, and stays so. */
async function prepareReconnect(
  stores: Stores,
  existing: Connection,
  { status, reason }: StatusNow,
  at: Instant,
): Promise<void> {
  const { connectionRef } = existing;
  if (existing.status !== 'pending') return;
  if (status === 'pending') {
    await stores.connections.extendPending({ connectionRef, reason: 'expired', seconds: flowLifetimeSeconds });
  } else {
    await stores.connections.markFailed({ connectionRef, reason: (reason ?? 'expired') as FailedReason, at });
  }
}

function checkInput(input: RequestConnectionInput, provider: Provider): void {
  if (Buffer.byteLength(JSON.stringify(input.metadata)) > maxMetadataBytes) {
    throw invalid('metadata', 'is larger than 4 KiB');
  }
  if (isOauth(provider.profile) && provider.profile.issuer === null && input.scopes?.includes('openid') === true) {
    throw invalid('scopes', 'openid needs a provider that is registered with an issuer');
  }
}

/** Subjects are told apart within one tenant, so at another one somebody else's account could take the place of this. */
function checkTenant(provider: Provider, existing: Connection, flow: Flow): void {
  if (existing.version === 0) return;
  const [moved] = findMovedInputs(provider, existing.inputs, flow.inputs);
  if (moved !== undefined) throw invalid(`inputs.${moved}`, "is not the connection's; request a new connection");
}

function invalid(path: string, message: string): NexusError {
  return new NexusError('invalid_request', `The request is not valid: ${path} ${message}.`, {
    details: [{ path, message }],
  });
}

async function findReconnected(
  deps: RequestConnectionDeps,
  input: RequestConnectionInput,
  provider: Provider,
  context: RequestContext,
): Promise<Connection> {
  const connection = await getConnectionById(deps, input.connectionId ?? '', context, 'requestConnection');
  if (connection.status === 'revoked') {
    throw new NexusError('connection_revoked', 'This connection was deleted; request a new one.', {
      status: 409,
      connectionStatus: 'revoked',
    });
  }
  if (connection.workspaceId !== input.workspaceId) throw invalid('workspace_id', "is not the connection's");
  if (connection.providerId !== provider.providerId) throw invalid('provider_name', "is not the connection's");
  return connection;
}

interface FlowParts {
  readonly provider: Provider;
  readonly allowed: AllowedReturn;
  readonly existing: Connection | null;
  readonly ticket: string;
  readonly context: RequestContext;
}

function createFlow(deps: RequestConnectionDeps, input: RequestConnectionInput, parts: FlowParts): Flow {
  const { provider, allowed, existing, ticket, context } = parts;
  const now = deps.clock.now();
  return {
    flowId: createUlid(now),
    ticketHash: hashToken(ticket),
    connectionRef: existing?.connectionRef ?? createUlid(now),
    providerId: provider.providerId,
    workspaceId: input.workspaceId,
    kind: isOauth(provider.profile) ? 'oauth' : 'static',
    isReconnect: existing !== null,
    status: 'open',
    completion: input.completionChallenge === null ? 'confirm' : 'bound',
    completionChallenge: input.completionChallenge,
    returnUrl: allowed.url,
    appName: allowed.appName,
    scopes: input.scopes ?? provider.profile.scopes,
    loginHint: input.loginHint,
    expectedSubject: input.expectedSubject,
    accountLabel: input.accountLabel,
    inputs: readInputs(provider.profile, { ...keepDeclared(provider, existing), ...input.inputs }),
    requestedBy: context.principal?.keyId ?? null,
    source: toSourceKey(context.callerIp),
    cookieHash: null,
    stateHash: null,
    redirectUri: null,
    sealedSecrets: null,
    handleHash: null,
    handleExpiresAt: null,
    sealedResult: null,
    refusals: 0,
    createdAt: toInstant(now),
    expiresAt: toInstant(now + flowLifetimeSeconds * 1_000),
  };
}

/** A connection that is made anew keeps what it was given, as far as the provider still asks for it. */
function keepDeclared({ profile }: Provider, existing: Connection | null): PlaceValues {
  const kept = Object.entries(existing?.inputs ?? {}).filter(([name]) => Object.hasOwn(profile.inputs, name));
  return Object.fromEntries(kept);
}

function createConnection(flow: Flow, idHash: string, input: RequestConnectionInput): Connection {
  return {
    connectionRef: flow.connectionRef,
    idHash,
    workspaceId: flow.workspaceId,
    providerId: flow.providerId,
    status: 'pending',
    reason: 'expired',
    pendingUntil: null,
    version: 0,
    sealedCredential: null,
    requestedScopes: flow.scopes,
    grantedScopes: null,
    accountSubject: null,
    accountLabel: flow.accountLabel,
    inputs: flow.inputs,
    accountData: {},
    metadata: input.metadata,
    requestedBy: flow.requestedBy,
    accessExpiresAt: null,
    refreshAfter: null,
    hasRefreshToken: false,
    issuedOrigin: '',
    lastRefreshAt: null,
    createdAt: flow.createdAt,
    updatedAt: flow.createdAt,
    revokedAt: null,
  };
}

/**
 * Anonymous callers may have only so many flows that brought nothing home, in the life of a flow, each source and all
 * together. Those that ended without a credential count too, or ending them would make room.
 */
async function checkPendingCaps(deps: RequestConnectionDeps, stores: Stores, flow: Flow): Promise<void> {
  if (flow.requestedBy !== null) return;
  const isOverSource = (await stores.flows.countFruitless(flow.source)) >= deps.pendingCaps.perSource;
  if (isOverSource || (await stores.flows.countFruitless(null)) >= deps.pendingCaps.total) {
    throw new NexusError('rate_limited', 'Too many connection links were left unfinished; finish some or send a key.', {
      retryAfter: 60,
    });
  }
}

async function recordRequest(
  deps: RequestConnectionDeps,
  stores: Stores,
  flow: Flow,
  provider: Provider,
  context: RequestContext,
): Promise<void> {
  const event = {
    eventType: 'connection.requested' as const,
    outcome: 'success' as const,
    connectionRef: flow.connectionRef,
    providerName: provider.profile.name,
    workspaceId: flow.workspaceId,
    data: { scopes: [...flow.scopes], completion: flow.completion, reconnect: flow.isReconnect },
  };
  const origin = toAuditOrigin(context);
  if (context.principal === null && !deps.audit.admit(event, origin)) return;
  await stores.audit.insert([deps.audit.entry(event, origin)]);
}
