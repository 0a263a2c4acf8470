import type { Clock } from '@nexus/core/clock';
import { NexusError } from '@nexus/core/errors';
import { equalDigests, hashToken } from '@nexus/core/tokens';
import type { Vault } from '@nexus/vault/vault';
import { openJson } from '@nexus/vault/vault';
import type { AuditLog } from '../../audit/audit-log.js';
import type { AuditOrigin } from '../../domain/audit-event.js';
import { type Flow, type FlowSecrets, flowCookieSuffix } from '../../domain/authorization-flow.js';
import { flowContext } from '../../domain/blob-context.js';
import type { FailedReason } from '../../domain/connection.js';
import type { InFlightLimiter } from '../../domain/in-flight-limiter.js';
import { placeFor, placeProvider } from '../../domain/profile-places.js';
import type { Provider } from '../../domain/provider.js';
import { type RequestContext, toAuditOrigin } from '../../domain/request-context.js';
import { appendToReturnUrl } from '../../domain/return-url.js';
import { holdBoundGrant } from '../../grants/bound-grant.js';
import { failFlow } from '../../grants/end-flow.js';
import { openClientSecrets } from '../../grants/provider-secrets.js';
import { revokeGrant } from '../../grants/revoke-grant.js';
import { type Grant, isOtherAccount, storeGrant } from '../../grants/store-grant.js';
import type { ProviderClient } from '../../oauth/provider-client.js';
import { ProviderCallError } from '../../oauth/provider-error.js';
import type { Database } from '../../stores/database.js';
import { flowExpired, requireReturnAllowed } from './find-usable-flow.js';

export interface CompleteAuthorizationDeps {
  readonly database: Database;
  readonly vault: Vault;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly providerClient: ProviderClient;
  readonly environment: 'production' | 'development';
  /** Exchanges under way, by provider. */
  readonly exchanges: InFlightLimiter;
}

export interface CompleteAuthorizationInput {
  readonly providerName: string;
  /** Query parameters in order, repetitions included. */
  readonly parameters: readonly (readonly [string, string])[];
  readonly cookies: Readonly<Record<string, string>>;
}

interface Callback {
  readonly flow: Flow;
  readonly provider: Provider;
  readonly state: string;
  readonly parameters: readonly (readonly [string, string])[];
  readonly origin: AuditOrigin;
}

const maxStateLength = 128;

/**
 * The provider's answer (RFC 6749, section 4.1.2). Consumes `state`, so a second callback with it finds nothing, then
 * checks that this browser began the flow and that this provider was asked, before the code is used. Returns where to
 * send the person.
 *
 * @throws NexusError `invalid_request` or `flow_expired` where nobody may be redirected.
 */
export async function completeAuthorization(
  deps: CompleteAuthorizationDeps,
  input: CompleteAuthorizationInput,
  context: RequestContext,
): Promise<string> {
  const state = readState(input.parameters);
  // Taken before the state is spent: a person who comes while a provider is slow may simply come again.
  const leave = deps.exchanges.enter(input.providerName);
  if (leave === null) {
    throw new NexusError('rate_limited', 'Too many people are connecting at this provider right now; try again.');
  }
  try {
    return await consumeCallback(deps, input, state, toAuditOrigin(context));
  } finally {
    leave();
  }
}

async function consumeCallback(
  deps: CompleteAuthorizationDeps,
  input: CompleteAuthorizationInput,
  state: string,
  origin: AuditOrigin,
): Promise<string> {
  const flow = await deps.database.transaction((stores) => stores.flows.consumeState(hashToken(state)));
  if (flow === null) throw flowExpired();
  // A provider that was deleted meanwhile gets no new connection, which nobody would look after.
  const registered = await deps.database.stores.providers.findById(flow.providerId);
  if (registered === null) throw flowExpired();
  const provider = placeFor(registered, flow);
  const callback: Callback = { flow, provider, state, parameters: input.parameters, origin };
  await checkBinding(deps, callback, input);
  await requireReturnAllowed(deps, flow);
  try {
    return await keepOrDiscard(deps, callback, await obtainGrant(deps, callback));
  } catch (error) {
    if (error instanceof FlowFailure) return fail(deps, callback, error);
    throw error;
  }
}

/** Why a flow ended after its binding was proven; told to the application by redirect. */
class FlowFailure extends Error {
  readonly reason: FailedReason;
  readonly upstreamError: string | null;
  readonly upstreamStatus: number | null;

  constructor(reason: FailedReason, upstream: { error?: string | null; status?: number | null; cause?: unknown } = {}) {
    super(reason, { cause: upstream.cause });
    this.reason = reason;
    this.upstreamError = upstream.error ?? null;
    this.upstreamStatus = upstream.status ?? null;
  }
}

function readState(parameters: readonly (readonly [string, string])[]): string {
  const values = parameters.filter(([name]) => name === 'state').map(([, value]) => value);
  const [state] = values;
  if (values.length !== 1 || state === undefined || state === '' || state.length > maxStateLength) {
    throw new NexusError('invalid_request', 'The answer must carry exactly one state.');
  }
  return state;
}

/** The cookie proves the browser, the path names the provider that answers: both must be the flow's (RFC 9700, 4.4). */
async function checkBinding(
  deps: CompleteAuthorizationDeps,
  callback: Callback,
  input: CompleteAuthorizationInput,
): Promise<void> {
  const { flow, provider, origin } = callback;
  const cookie = input.cookies[flowCookieSuffix(flow.flowId)] ?? '';
  const isSameBrowser = equalDigests(hashToken(cookie), flow.cookieHash ?? '');
  const isSameProvider = input.providerName === provider.profile.name;
  if (isSameBrowser && isSameProvider) return;
  await failFlow(deps, { flow, reason: 'binding_failed', providerName: provider.profile.name, origin });
  throw new NexusError('invalid_request', 'This answer does not belong to a flow this browser began.');
}

async function obtainGrant(deps: CompleteAuthorizationDeps, callback: Callback): Promise<Grant> {
  const { flow, provider } = callback;
  if (flow.sealedSecrets === null || flow.redirectUri === null) throw new FlowFailure('expired');
  const secrets = (await openJson(
    deps.vault,
    flow.sealedSecrets,
    flowContext(flow, 'sealed_secrets'),
  )) as unknown as FlowSecrets;
  try {
    const answer = await deps.providerClient.exchangeCode({
      provider,
      clientSecrets: await openClientSecrets(deps.vault, provider),
      parameters: callback.parameters,
      redirectUri: flow.redirectUri,
      state: callback.state,
      codeVerifier: secrets.codeVerifier,
      nonce: secrets.nonce,
      scopes: flow.scopes,
    });
    return {
      credential: answer.tokenSet,
      issuedOrigin: answer.issuedOrigin,
      subject: answer.subject,
      label: answer.label,
      accountData: answer.accountData,
    };
  } catch (error) {
    await discardObtained(deps, callback, error).catch(() => {});
    throw toFlowFailure(error);
  }
}

/** Tokens that came before something else failed belong to no connection. */
async function discardObtained(deps: CompleteAuthorizationDeps, callback: Callback, error: unknown): Promise<void> {
  if (!(error instanceof ProviderCallError) || error.obtained === null) return;
  const { tokenSet: credential, ...told } = error.obtained;
  await discard(deps, callback, { ...told, credential, subject: null, label: null });
}

function toFlowFailure(error: unknown): unknown {
  if (!(error instanceof ProviderCallError)) return error;
  const { upstreamError, upstreamStatus } = error.failure;
  return new FlowFailure(reasonOf(error), { error: upstreamError, status: upstreamStatus, cause: error });
}

function reasonOf(error: ProviderCallError): FailedReason {
  if (error.stage === 'verification') return 'verification_failed';
  return error.failure.upstreamError === 'access_denied' ? 'access_denied' : 'exchange_failed';
}

/** A grant that cannot be stored must not live on at the provider with nobody knowing of it. */
async function keepOrDiscard(deps: CompleteAuthorizationDeps, callback: Callback, grant: Grant): Promise<string> {
  try {
    return await keepGrant(deps, callback, grant);
  } catch (error) {
    // A commit whose outcome is unknown may have stored the grant after all, so the row is asked, never guessed.
    const isKept = error instanceof FlowFailure ? false : await isGrantKept(deps, callback.flow).catch(() => true);
    if (!isKept) await discard(deps, callback, grant).catch(() => {});
    throw error;
  }
}

async function isGrantKept(deps: CompleteAuthorizationDeps, { flowId }: Flow): Promise<boolean> {
  const flow = await deps.database.stores.flows.findById(flowId);
  return flow !== null && (flow.status === 'done' || flow.status === 'awaiting_completion');
}

/** Stores the grant; in a bound flow it stays sealed beside the flow until the application proves its verifier. */
async function keepGrant(deps: CompleteAuthorizationDeps, callback: Callback, grant: Grant): Promise<string> {
  const { flow, provider, origin } = callback;
  if (flow.completion === 'bound') return awaitCompletion(deps, callback, grant);
  const outcome = await storeGrant(deps, {
    flow,
    grant,
    provider,
    origin,
    settleFlow: (stores) => stores.flows.finish({ flowId: flow.flowId, status: 'done' }),
  });
  if (outcome === 'stored') return successUrl(callback);
  throw new FlowFailure(outcome === 'account_mismatch' ? 'account_mismatch' : 'expired');
}

async function awaitCompletion(deps: CompleteAuthorizationDeps, callback: Callback, grant: Grant): Promise<string> {
  const { flow } = callback;
  // Told now, while the person is still here, although storing the grant will check it again.
  const connection = await deps.database.stores.connections.findByRef(flow.connectionRef);
  if (isOtherAccount(flow, { connection, provider: callback.provider }, grant))
    throw new FlowFailure('account_mismatch');
  const handle = await holdBoundGrant(deps, { flow, grant, from: 'exchanging', entries: [] });
  if (handle !== null) return successUrl(callback, handle);
  throw new FlowFailure('expired');
}

async function discard(deps: CompleteAuthorizationDeps, callback: Callback, grant: Grant): Promise<void> {
  if (grant.credential.kind !== 'oauth2') return;
  await revokeGrant(deps, {
    provider: placeProvider(callback.provider, grant.accountData ?? {}),
    credential: grant.credential,
    issuedOrigin: grant.issuedOrigin,
    endedRef: null,
    accountSubject: grant.subject,
  });
}

function successUrl(callback: Callback, handle?: string): string {
  const { flow, provider } = callback;
  return appendToReturnUrl(flow.returnUrl, {
    status: 'success',
    connection_ref: flow.connectionRef,
    provider: provider.profile.name,
    ...(handle === undefined ? {} : { handle }),
  });
}

async function fail(deps: CompleteAuthorizationDeps, callback: Callback, failure: FlowFailure): Promise<string> {
  const { flow, provider, origin } = callback;
  await failFlow(deps, {
    flow,
    reason: failure.reason,
    providerName: provider.profile.name,
    origin,
    data: { upstream_error: failure.upstreamError, upstream_status: failure.upstreamStatus },
  });
  return appendToReturnUrl(flow.returnUrl, {
    status: 'failed',
    error: failure.reason,
    connection_ref: flow.connectionRef,
    provider: provider.profile.name,
  });
}
