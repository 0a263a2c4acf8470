import type { Clock } from '@nexus/core/clock';
import { type ErrorDetail, NexusError } from '@nexus/core/errors';
import { applyStrategy, checkCredentialValues } from '@nexus/strategies/apply';
import type { Vault } from '@nexus/vault/vault';
import type { AuditLog } from '../../audit/audit-log.js';
import type { AuditEntry } from '../../domain/audit-event.js';
import { type Flow, maxRefusals } from '../../domain/authorization-flow.js';
import { checkCredentials } from '../../domain/credential-schema.js';
import type { InFlightLimiter } from '../../domain/in-flight-limiter.js';
import { probeUrl } from '../../domain/probe-url.js';
import { plainProbe } from '../../domain/profile-quirks.js';
import type { Provider } from '../../domain/provider.js';
import { type RequestContext, toAuditOrigin } from '../../domain/request-context.js';
import { appendToReturnUrl } from '../../domain/return-url.js';
import { holdBoundGrant } from '../../grants/bound-grant.js';
import { failFlow } from '../../grants/end-flow.js';
import { type Grant, storeGrant } from '../../grants/store-grant.js';
import type { ProviderClient } from '../../oauth/provider-client.js';
import type { Database } from '../../stores/database.js';
import { captureRefused, findUsableFlow, requireReturnAllowed } from './find-usable-flow.js';

export interface CaptureCredentialDeps {
  readonly database: Database;
  readonly vault: Vault;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly providerClient: ProviderClient;
  readonly environment: 'production' | 'development';
  /** Entries that are being tried, by flow. */
  readonly captures: InFlightLimiter;
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
  await requireReturnAllowed(deps, flow);
  const entry: Entry = { flow, provider, context };
  const details = checkCredentials(schema, input.credentials);
  if (details.length > 0) throw await refuse(deps, entry, await reserveAttempt(deps, entry), schemaRefusal(details));
  // Optional fields left empty by a form are not part of the credential.
  const fields = Object.fromEntries(Object.entries(input.credentials as Fields).filter(([, value]) => value !== ''));
  const unusable = checkCredentialValues(provider.profile.authStrategy, fields);
  if (unusable.length > 0) throw await refuse(deps, entry, await reserveAttempt(deps, entry), schemaRefusal(unusable));
  await tryAtProvider(deps, entry, fields);
  const grant: Grant = { credential: { kind: 'static', fields }, issuedOrigin: '', subject: null, label: null };
  return flow.completion === 'bound'
    ? keepForCompletion(deps, flow, provider, grant, context)
    : keep(deps, flow, provider, grant, context);
}

interface Entry {
  readonly flow: Flow;
  readonly provider: Provider;
  readonly context: RequestContext;
}

/** Takes one of the ten numbers a flow has; throws what the flow came to where none is left. */
async function reserveAttempt(deps: CaptureCredentialDeps, { flow }: Entry): Promise<number> {
  const attempt = await deps.database.transaction((stores) =>
    stores.flows.reserveAttempt({ flowId: flow.flowId, max: maxRefusals }),
  );
  if (attempt !== null) return attempt;
  const current = await deps.database.stores.flows.findById(flow.flowId);
  throw current?.status === 'open' || current?.status === 'failed' ? captureRefused() : alreadyUsed();
}

function schemaRefusal(details: readonly ErrorDetail[]): NexusError {
  return new NexusError('invalid_request', 'Some fields are not as the provider expects them.', { details });
}

/** A live check with the provider's own strategy, so that a typing error is found now and not by an agent. */
async function tryAtProvider(deps: CaptureCredentialDeps, entry: Entry, fields: Fields): Promise<void> {
  const { profile } = entry.provider;
  const url = probeUrl(profile);
  if (url === null) return;
  const { method, headers, body } = profile.probe ?? plainProbe;
  const isJson = body !== null && !Object.keys(headers).some((name) => name.toLowerCase() === 'content-type');
  const request = applyStrategy({
    strategy: profile.authStrategy,
    credentials: fields,
    request: {
      method,
      url,
      headers: isJson ? { 'content-type': 'application/json', ...headers } : headers,
      body: body ?? '',
    },
    now: deps.clock.now(),
  });
  const leave = deps.captures.enter(entry.flow.flowId);
  if (leave === null) {
    throw new NexusError('rate_limited', 'An entry for this link is being tried right now; submit again.');
  }
  // The number is taken before the provider is asked, so that no number of concurrent entries gets more tries.
  const attempt = await reserveAttempt(deps, entry).catch((error: unknown) => {
    leave();
    throw error;
  });
  const answer = await deps.providerClient.probe({ ...request, verdict: profile.probe }).finally(leave);
  if (answer === 'accepted') return;
  const refusal =
    answer === 'refused'
      ? new NexusError('credentials_rejected', 'The provider refused these credentials; check them and submit again.')
      : new NexusError('provider_unavailable', 'The provider could not be asked about these credentials; try again.');
  throw await refuse(deps, entry, attempt, refusal);
}

/** Records the refusal; the last entry a flow has ends it. */
async function refuse(
  deps: CaptureCredentialDeps,
  entry: Entry,
  attempt: number,
  refusal: NexusError,
): Promise<NexusError> {
  const { flow, provider } = entry;
  const origin = toAuditOrigin(entry.context);
  const entries = deps.audit.entriesOfFlow(
    flow,
    {
      eventType: 'credential.capture_refused',
      outcome: 'refused',
      connectionRef: flow.connectionRef,
      providerName: provider.profile.name,
      workspaceId: flow.workspaceId,
      data: { cause: refusal.code, refusals: attempt },
    },
    origin,
  );
  await deps.database.transaction((stores) => stores.audit.insert(entries));
  if (attempt < maxRefusals) return refusal;
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
    provider,
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
  const entries = [describeCapture(deps, flow, provider, grant, context)];
  const handle = await holdBoundGrant(deps, { flow, grant, from: 'open', entries });
  if (handle === null) throw alreadyUsed();
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
