import { randomBytes } from 'node:crypto';
import type { Clock } from '@nexus/core/clock';
import { NexusError } from '@nexus/core/errors';
import { equalDigests, hashToken } from '@nexus/core/tokens';
import type { SealedBlob, Vault } from '@nexus/vault/vault';
import { sealJson } from '@nexus/vault/vault';
import type { AuditLog } from '../../audit/audit-log.js';
import { type Flow, type FlowSecrets, flowCookieSuffix, flowLifetimeSeconds } from '../../domain/authorization-flow.js';
import { flowContext } from '../../domain/blob-context.js';
import { isOauth, type Provider } from '../../domain/provider.js';
import { type RequestContext, toAuditOrigin } from '../../domain/request-context.js';
import { failFlow } from '../../grants/end-flow.js';
import { openClientSecrets } from '../../grants/provider-secrets.js';
import type { ProviderClient } from '../../oauth/provider-client.js';
import type { Database } from '../../stores/database.js';
import { findUsableFlow, flowExpired } from './find-usable-flow.js';

export interface ContinueFlowDeps {
  readonly database: Database;
  readonly vault: Vault;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly providerClient: ProviderClient;
  readonly publicUrl: string;
}

export interface ContinueFlowInput {
  readonly ticket: string;
  /** Flow cookies the browser sent, by name suffix. */
  readonly cookies: Readonly<Record<string, string>>;
}

export interface ContinuedFlow {
  readonly redirectTo: string;
  readonly cookie: { readonly suffix: string; readonly value: string; readonly maxAgeSeconds: number };
}

/**
 * The person chose to go on: binds the flow to this browser by a cookie and makes the authorization request (RFC 6749,
 * section 4.1.1) with a `state` of its own. The first browser claims the flow; going back and on replaces its request.
 */
export async function continueFlow(
  deps: ContinueFlowDeps,
  input: ContinueFlowInput,
  context: RequestContext,
): Promise<ContinuedFlow> {
  const { flow, provider } = await findUsableFlow(deps.database, input.ticket);
  if (!isOauth(provider.profile)) {
    throw new NexusError('invalid_request', 'This provider takes a static credential: use the form of this link.');
  }
  const cookie = input.cookies[flowCookieSuffix(flow.flowId)] ?? null;
  if (flow.status === 'claimed') await checkCookie(deps, flow, provider, cookie, context);
  const isFirst = flow.status === 'open';
  const value = isFirst || cookie === null ? createRandomValue() : cookie;
  const request = await createRequest(deps, flow, provider, value);
  const isWritten = await deps.database.transaction(async (stores) => {
    if (!isFirst) return stores.flows.replaceRequest(request.row);
    if (!(await stores.flows.claim(request.row))) return false;
    await stores.audit.insert(
      deps.audit.entriesOfFlow(
        flow,
        {
          eventType: 'connection.opened',
          outcome: 'success',
          connectionRef: flow.connectionRef,
          providerName: provider.profile.name,
          workspaceId: flow.workspaceId,
          data: { flow_id: flow.flowId },
        },
        toAuditOrigin(context),
      ),
    );
    return true;
  });
  if (!isWritten) throw flowExpired();
  return {
    redirectTo: request.authorizationUrl,
    cookie: { suffix: flowCookieSuffix(flow.flowId), value, maxAgeSeconds: flowLifetimeSeconds },
  };
}

/** Without the cookie this is another browser; with a wrong one somebody is forging, which ends the flow. */
async function checkCookie(
  deps: ContinueFlowDeps,
  flow: Flow,
  provider: Provider,
  cookie: string | null,
  context: RequestContext,
): Promise<void> {
  if (cookie === null) throw flowExpired();
  if (equalDigests(hashToken(cookie), flow.cookieHash ?? '')) return;
  await failFlow(deps, {
    flow,
    reason: 'binding_failed',
    providerName: provider.profile.name,
    origin: toAuditOrigin(context),
  });
  throw flowExpired();
}

interface AuthorizationRequest {
  readonly authorizationUrl: string;
  readonly row: {
    readonly flowId: string;
    readonly cookieHash: string;
    readonly stateHash: string;
    readonly redirectUri: string;
    readonly sealedSecrets: SealedBlob;
  };
}

async function createRequest(
  deps: ContinueFlowDeps,
  flow: Flow,
  provider: Provider,
  cookie: string,
): Promise<AuthorizationRequest> {
  const state = createRandomValue();
  const secrets: FlowSecrets = { codeVerifier: createRandomValue(), nonce: createRandomValue() };
  // One redirect URI per provider, compared again at the callback (RFC 9700, section 4.4.2).
  const redirectUri = `${deps.publicUrl}/auth/callback/${provider.profile.name}`;
  const authorizationUrl = await deps.providerClient.buildAuthorizationUrl({
    provider,
    clientSecrets: await openClientSecrets(deps.vault, provider),
    redirectUri,
    state,
    ...secrets,
    scopes: flow.scopes,
    loginHint: flow.loginHint,
  });
  return {
    authorizationUrl,
    row: {
      flowId: flow.flowId,
      cookieHash: hashToken(cookie),
      stateHash: hashToken(state),
      redirectUri,
      sealedSecrets: sealJson(deps.vault, secrets, flowContext(flow, 'sealed_secrets')),
    },
  };
}

/** 256 random bits; 43 characters, also fit for a PKCE verifier (RFC 7636, section 4.1). */
function createRandomValue(): string {
  return randomBytes(32).toString('base64url');
}
