import type { Clock } from '@nexus/core/clock';
import { type ErrorDetail, NexusError } from '@nexus/core/errors';
import { createToken, hashToken } from '@nexus/core/tokens';
import { applyStrategy, checkCredentialValues } from '@nexus/strategies/apply';
import type { Vault } from '@nexus/vault/vault';
import type { AuditLog } from '../../audit/audit-log.js';
import type { AuditEntry } from '../../domain/audit-event.js';
import { type Flow, handleLifetimeSeconds, maxRefusals } from '../../domain/authorization-flow.js';
import { checkCredentials } from '../../domain/credential-schema.js';
import { probeUrl } from '../../domain/probe-url.js';
import type { Provider } from '../../domain/provider.js';
import { type RequestContext, toAuditOrigin } from '../../domain/request-context.js';
import { appendToReturnUrl } from '../../domain/return-url.js';
import { sealBoundGrant } from '../../grants/bound-grant.js';
import { failFlow } from '../../grants/end-flow.js';
import { type Grant, storeGrant } from '../../grants/store-grant.js';
import type { ProviderClient } from '../../oauth/provider-client.js';
import type { Database } from '../../stores/database.js';
import { captureRefused, findUsableFlow } from './find-usable-flow.js';

export interface CaptureCredentialDeps {
  readonly database: Database;
  readonly vault: Vault;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly providerClient: ProviderClient;
}

export interface CaptureCredentialInput {
  readonly ticket: string;
  readonly credentials: Readonly<Record<string, unknown>>;
}

export interface CapturedCredential {
  readonly connectionRef: string;
  readonly status: 'success' | 'pending';
  readonly redirectUrl: string;
}

type Fields = Readonly<Record<string, string>>;

/**
 * Takes a static credential for a flow: checks it against the provider's schema, tries it at the provider where a probe
 * is known, and stores it. The ticket is spent by success; ten refusals end the flow.
 */
export async function captureCredential(
  deps: CaptureCredentialDeps,
  input: CaptureCredentialInput,
  context: RequestContext,
): Promise<CapturedCredential> {
  const { flow, provider } = await findUsableFlow(deps.database, input.ticket);
  const schema = provider.profile.credentialSchema;
  if (schema === null) {
    throw new NexusError('not_a_static_provider', 'This provider uses OAuth: open auth_url instead.');
  }
  const details = checkCredentials(schema, input.credentials);
  if (details.length > 0) throw await refuse(deps, flow, provider, context, schemaRefusal(details));
  // Optional fields left empty by a form are not part of the credential.
  const fields = Object.fromEntries(Object.entries(input.credentials as Fields).filter(([, value]) => value !== ''));
  const unusable = checkCredentialValues(provider.profile.authStrategy, fields);
  if (unusable.length > 0) throw await refuse(deps, flow, provider, context, schemaRefusal(unusable));
  await tryAtProvider(deps, flow, provider, fields, context);
  const grant: Grant = { credential: { kind: 'static', fields }, issuedOrigin: '', subject: null, label: null };
  return flow.completion === 'bound'
    ? keepForCompletion(deps, flow, provider, grant, context)
    : keep(deps, flow, provider, grant, context);
}

function schemaRefusal(details: readonly ErrorDetail[]): NexusError {
  return new NexusError('invalid_request', 'Some fields are not as the provider expects them.', { details });
}

/** A live check with the provider's own strategy, so that a typing error is found now and not by an agent. */
async function tryAtProvider(
  deps: CaptureCredentialDeps,
  flow: Flow,
  provider: Provider,
  fields: Fields,
  context: RequestContext,
): Promise<void> {
  const { profile } = provider;
  const url = probeUrl(profile);
  if (url === null) return;
  const request = applyStrategy({
    strategy: profile.authStrategy,
    credentials: fields,
    request: { method: profile.probe?.method ?? 'GET', url, headers: {}, body: '' },
    now: deps.clock.now(),
  });
  const answer = await deps.providerClient.probe(request);
  if (answer === 'accepted') return;
  if (answer === 'unavailable') {
    throw new NexusError('provider_unavailable', 'The provider could not be asked about these credentials; try again.');
  }
  throw await refuse(
    deps,
    flow,
    provider,
    context,
    new NexusError('credentials_rejected', 'The provider refused these credentials; check them and submit again.'),
  );
}

/** Counts the refusal; the tenth ends the flow. */
async function refuse(
  deps: CaptureCredentialDeps,
  flow: Flow,
  provider: Provider,
  context: RequestContext,
  refusal: NexusError,
): Promise<NexusError> {
  const origin = toAuditOrigin(context);
  const refusals = await deps.database.transaction(async (stores) => {
    const count = await stores.flows.countRefusal(flow.flowId);
    await stores.audit.insert([
      deps.audit.entry(
        {
          eventType: 'credential.capture_refused',
          outcome: 'refused',
          connectionRef: flow.connectionRef,
          providerName: provider.profile.name,
          workspaceId: flow.workspaceId,
          data: { cause: refusal.code, refusals: count },
        },
        origin,
      ),
    ]);
    return count;
  });
  if (refusals < maxRefusals) return refusal;
  await failFlow(deps, { flow, reason: 'capture_refused', providerName: provider.profile.name, origin });
  return captureRefused();
}

/** Names the fields that were entered, never their values. */
function describeCapture(
  deps: CaptureCredentialDeps,
  flow: Flow,
  provider: Provider,
  grant: Grant,
  context: RequestContext,
): AuditEntry {
  const { credential } = grant;
  return deps.audit.entry(
    {
      eventType: 'credential.captured',
      outcome: 'success',
      connectionRef: flow.connectionRef,
      providerName: provider.profile.name,
      workspaceId: flow.workspaceId,
      data: { fields: credential.kind === 'static' ? Object.keys(credential.fields).sort() : [] },
    },
    toAuditOrigin(context),
  );
}

async function keep(
  deps: CaptureCredentialDeps,
  flow: Flow,
  provider: Provider,
  grant: Grant,
  context: RequestContext,
): Promise<CapturedCredential> {
  const outcome = await storeGrant(deps, {
    flow,
    grant,
    providerName: provider.profile.name,
    origin: toAuditOrigin(context),
    settleFlow: async (stores) => {
      if (!(await stores.flows.consumeTicket(flow.flowId))) return false;
      await stores.audit.insert([describeCapture(deps, flow, provider, grant, context)]);
      return true;
    },
  });
  if (outcome !== 'stored') throw alreadyUsed();
  return captured(flow, provider, 'success', {});
}

async function keepForCompletion(
  deps: CaptureCredentialDeps,
  flow: Flow,
  provider: Provider,
  grant: Grant,
  context: RequestContext,
): Promise<CapturedCredential> {
  const handle = createToken('nxt');
  const isWaiting = await deps.database.transaction(async (stores) => {
    const isKept = await stores.flows.awaitCompletion({
      flowId: flow.flowId,
      from: 'open',
      handleHash: hashToken(handle),
      handleSeconds: handleLifetimeSeconds,
      sealedResult: sealBoundGrant(deps.vault, flow, grant),
    });
    if (!isKept) return false;
    await stores.audit.insert([describeCapture(deps, flow, provider, grant, context)]);
    if (!flow.isReconnect) {
      await stores.connections.extendPending({
        connectionRef: flow.connectionRef,
        reason: 'not_completed',
        seconds: handleLifetimeSeconds,
      });
    }
    return true;
  });
  if (!isWaiting) throw alreadyUsed();
  return captured(flow, provider, 'pending', { handle });
}

function captured(
  flow: Flow,
  provider: Provider,
  status: CapturedCredential['status'],
  extra: Readonly<Record<string, string>>,
): CapturedCredential {
  return {
    connectionRef: flow.connectionRef,
    status,
    redirectUrl: appendToReturnUrl(flow.returnUrl, {
      status: 'success',
      connection_ref: flow.connectionRef,
      provider: provider.profile.name,
      ...extra,
    }),
  };
}

function alreadyUsed(): NexusError {
  return new NexusError('flow_already_used', 'This link has been used already; request a new one.');
}
