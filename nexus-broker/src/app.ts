/** Every operation of the Broker, one line each: the table of contents. */
import { createHttpApp } from '@nexus/http/app';
import type { Deps } from './deps.js';
import { describeApp } from './document.js';
import { describeVaultOutage } from './keyring/describe-vault-outage.js';
import { registerCreateAgent } from './routes/agents/create-agent.js';
import { registerDeleteAgent } from './routes/agents/delete-agent.js';
import { registerGetAgent } from './routes/agents/get-agent.js';
import { registerListAgents } from './routes/agents/list-agents.js';
import { registerUpdateAgent } from './routes/agents/update-agent.js';
import { registerExportAudit } from './routes/audit/export-audit.js';
import { registerListCheckpoints } from './routes/audit/list-checkpoints.js';
import { registerPruneAudit } from './routes/audit/prune-audit.js';
import { registerQueryAudit } from './routes/audit/query-audit.js';
import { registerCheckConnection } from './routes/connections/check-connection.js';
import { registerCompleteConnection } from './routes/connections/complete-connection.js';
import { registerDeleteAnyConnection } from './routes/connections/delete-any-connection.js';
import { registerDeleteConnection } from './routes/connections/delete-connection.js';
import { registerGetAnyConnection } from './routes/connections/get-any-connection.js';
import { registerGetToken } from './routes/connections/get-token.js';
import { registerListAllConnections } from './routes/connections/list-all-connections.js';
import { registerListConnections } from './routes/connections/list-connections.js';
import { registerRefreshConnection } from './routes/connections/refresh-connection.js';
import { registerRequestConnection } from './routes/connections/request-connection.js';
import { registerResolveConnection } from './routes/connections/resolve-connection.js';
import { registerRevokeConnections } from './routes/connections/revoke-connections.js';
import { registerCaptureCredential } from './routes/flows/capture-credential.js';
import { registerCompleteAuthorization } from './routes/flows/complete-authorization.js';
import { registerContinueFlow } from './routes/flows/continue-flow.js';
import { registerGetCaptureSchema } from './routes/flows/get-capture-schema.js';
import { registerViewFlow } from './routes/flows/view-flow.js';
import { registerCreateIssuer } from './routes/issuers/create-issuer.js';
import { registerDeleteIssuer } from './routes/issuers/delete-issuer.js';
import { registerListIssuers } from './routes/issuers/list-issuers.js';
import { registerCreateAgentKey } from './routes/keys/create-agent-key.js';
import { registerCreateKey } from './routes/keys/create-key.js';
import { registerDeleteAgentKey } from './routes/keys/delete-agent-key.js';
import { registerDeleteKey } from './routes/keys/delete-key.js';
import { registerListAgentKeys } from './routes/keys/list-agent-keys.js';
import { registerListKeys } from './routes/keys/list-keys.js';
import type { BrokerApp } from './routes/operation.js';
import { registerCreateProvider } from './routes/providers/create-provider.js';
import { registerDeleteProvider } from './routes/providers/delete-provider.js';
import { registerGetProvider } from './routes/providers/get-provider.js';
import { registerGetProvidersMetadata } from './routes/providers/get-providers-metadata.js';
import { registerListProviders } from './routes/providers/list-providers.js';
import { registerPreviewProvider } from './routes/providers/preview-provider.js';
import { registerRebindProvider } from './routes/providers/rebind-provider.js';
import { registerReplaceProvider } from './routes/providers/replace-provider.js';
import { registerUpdateProvider } from './routes/providers/update-provider.js';
import { registerCreateReturnOrigin } from './routes/return-origins/create-return-origin.js';
import { registerDeleteReturnOrigin } from './routes/return-origins/delete-return-origin.js';
import { registerListReturnOrigins } from './routes/return-origins/list-return-origins.js';
import { registerCloseAgentSession } from './routes/sessions/close-agent-session.js';
import { registerCloseSessions } from './routes/sessions/close-sessions.js';
import { registerCreateAgentSession } from './routes/sessions/create-agent-session.js';
import { registerCreateOboSession } from './routes/sessions/create-obo-session.js';
import { registerGetAgentSession } from './routes/sessions/get-agent-session.js';
import { registerGetSessionToken } from './routes/sessions/get-session-token.js';
import { registerIntrospectToken } from './routes/sessions/introspect-token.js';
import { registerListSessions } from './routes/sessions/list-sessions.js';
import { registerRevokeToken } from './routes/sessions/revoke-token.js';
import { registerDocs } from './routes/system/docs.js';
import { registerGetHealth } from './routes/system/get-health.js';
import { registerGetLiveness } from './routes/system/get-liveness.js';
import { registerGetMetrics } from './routes/system/get-metrics.js';
import { registerGetReadiness } from './routes/system/get-readiness.js';
import { registerGetStatus } from './routes/system/get-status.js';
import { registerAddKek } from './routes/vault/add-kek.js';
import { registerCompromiseDataKey } from './routes/vault/compromise-data-key.js';
import { registerCreateDataKey } from './routes/vault/create-data-key.js';
import { registerDestroyDataKey } from './routes/vault/destroy-data-key.js';
import { registerGetKeyRing } from './routes/vault/get-key-ring.js';
import { registerListStoredBlobs } from './routes/vault/list-stored-blobs.js';
import { registerPromoteDataKey } from './routes/vault/promote-data-key.js';
import { registerPromoteKek } from './routes/vault/promote-kek.js';
import { registerRetireDataKey } from './routes/vault/retire-data-key.js';
import { registerRetireKek } from './routes/vault/retire-kek.js';
import { registerRotateDataKeys } from './routes/vault/rotate-data-keys.js';
import { registerCreateWebhook } from './routes/webhooks/create-webhook.js';
import { registerDeleteWebhook } from './routes/webhooks/delete-webhook.js';
import { registerGetWebhook } from './routes/webhooks/get-webhook.js';
import { registerListWebhookDeliveries } from './routes/webhooks/list-webhook-deliveries.js';
import { registerListWebhooks } from './routes/webhooks/list-webhooks.js';
import { registerReplayWebhookDelivery } from './routes/webhooks/replay-webhook-delivery.js';
import { registerRotateWebhookSecret } from './routes/webhooks/rotate-webhook-secret.js';
import { registerUpdateWebhook } from './routes/webhooks/update-webhook.js';

/** The app that serves: the operations and, in development, their documentation page. */
export function createApp(deps: Deps): BrokerApp {
  const { logger, clock, config } = deps;
  const app: BrokerApp = createHttpApp({
    logger,
    clock,
    basics: { trustedProxies: config.trustedProxies, translateError: describeVaultOutage },
  });
  registerRoutes(app, deps);
  if (deps.environment === 'development') registerDocs(app, () => describeApp(app));
  return app;
}

export function registerRoutes(app: BrokerApp, deps: Deps): void {
  registerRequestConnection(app, deps);
  registerCheckConnection(app, deps);
  registerGetToken(app, deps);
  registerRefreshConnection(app, deps);
  registerResolveConnection(app, deps);
  registerListConnections(app, deps);
  registerDeleteConnection(app, deps);
  registerCompleteConnection(app, deps);

  registerViewFlow(app, deps);
  registerContinueFlow(app, deps);
  registerCompleteAuthorization(app, deps);
  registerGetCaptureSchema(app, deps);
  registerCaptureCredential(app, deps);

  registerCreateAgentSession(app, deps);
  registerCreateOboSession(app, deps);
  registerGetAgentSession(app, deps);
  registerCloseAgentSession(app, deps);
  registerGetSessionToken(app, deps);
  registerIntrospectToken(app, deps);
  registerRevokeToken(app, deps);

  registerGetProvidersMetadata(app, deps);
  registerListProviders(app, deps);
  registerCreateProvider(app, deps);
  registerPreviewProvider(app, deps);
  registerGetProvider(app, deps);
  registerUpdateProvider(app, deps);
  registerReplaceProvider(app, deps);
  registerDeleteProvider(app, deps);
  registerRebindProvider(app, deps);

  registerListAllConnections(app, deps);
  registerGetAnyConnection(app, deps);
  registerDeleteAnyConnection(app, deps);
  registerRevokeConnections(app, deps);

  registerCreateAgent(app, deps);
  registerListAgents(app, deps);
  registerGetAgent(app, deps);
  registerUpdateAgent(app, deps);
  registerDeleteAgent(app, deps);
  registerCreateAgentKey(app, deps);
  registerListAgentKeys(app, deps);
  registerDeleteAgentKey(app, deps);

  registerListSessions(app, deps);
  registerCloseSessions(app, deps);

  registerCreateKey(app, deps);
  registerListKeys(app, deps);
  registerDeleteKey(app, deps);

  registerCreateReturnOrigin(app, deps);
  registerListReturnOrigins(app, deps);
  registerDeleteReturnOrigin(app, deps);

  registerCreateIssuer(app, deps);
  registerListIssuers(app, deps);
  registerDeleteIssuer(app, deps);

  registerWebhooks(app, deps);
  registerVault(app, deps);
  registerAudit(app, deps);

  registerGetStatus(app, deps);
  registerGetMetrics(app, deps);
  registerGetLiveness(app, deps);
  registerGetReadiness(app, deps);
  registerGetHealth(app, deps);
}

function registerWebhooks(app: BrokerApp, deps: Deps): void {
  registerCreateWebhook(app, deps);
  registerListWebhooks(app, deps);
  registerGetWebhook(app, deps);
  registerUpdateWebhook(app, deps);
  registerDeleteWebhook(app, deps);
  registerRotateWebhookSecret(app, deps);
  registerListWebhookDeliveries(app, deps);
  registerReplayWebhookDelivery(app, deps);
}

function registerAudit(app: BrokerApp, deps: Deps): void {
  registerQueryAudit(app, deps);
  registerListCheckpoints(app, deps);
  registerExportAudit(app, deps);
  registerPruneAudit(app, deps);
}

function registerVault(app: BrokerApp, deps: Deps): void {
  registerGetKeyRing(app, deps);
  registerAddKek(app, deps);
  registerPromoteKek(app, deps);
  registerRetireKek(app, deps);
  registerCreateDataKey(app, deps);
  registerPromoteDataKey(app, deps);
  registerRetireDataKey(app, deps);
  registerDestroyDataKey(app, deps);
  registerCompromiseDataKey(app, deps);
  registerRotateDataKeys(app, deps);
  registerListStoredBlobs(app, deps);
}
