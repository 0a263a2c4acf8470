/**
 * Every store, bound to one connection or transaction. A store is made when it is first used: each request has a
 * transaction or two, and a transaction rarely needs more than two stores.
 */
import { createAgentStore } from './agent-store.js';
import { createAuditChainStore } from './audit-chain-store.js';
import { createAuditStore } from './audit-store.js';
import { createBrokerInstanceStore } from './broker-instance-store.js';
import { createCallPaceStore } from './call-pace-store.js';
import { createConnectionStore } from './connection-store.js';
import { createDueConnections } from './due-connections.js';
import { createFlowStore } from './flow-store.js';
import { createJobLeaseStore } from './job-lease-store.js';
import { createKekStore } from './kek-store.js';
import { createKeyRingStore } from './key-ring-store.js';
import { createKeyStore } from './key-store.js';
import { createProviderStore } from './provider-store.js';
import { createRefreshOverview } from './refresh-overview.js';
import { createResealingStore } from './resealing-store.js';
import { createReturnOriginStore } from './return-origin-store.js';
import { createSealedBlobStore } from './sealed-blob-store.js';
import { createSessionStore } from './session-store.js';
import type { StoreContext } from './store-context.js';
import { createUsedUserTokenStore } from './used-user-token-store.js';
import { createUserIssuerStore } from './user-issuer-store.js';
import { createWebhookDeliveryStore } from './webhook-delivery-store.js';
import { createWebhookStore } from './webhook-store.js';

const makers = {
  providers: createProviderStore,
  connections: createConnectionStore,
  flows: createFlowStore,
  keys: createKeyStore,
  returnOrigins: createReturnOriginStore,
  agents: createAgentStore,
  sessions: createSessionStore,
  userIssuers: createUserIssuerStore,
  usedUserTokens: createUsedUserTokenStore,
  audit: createAuditStore,
  auditChain: createAuditChainStore,
  keyRing: createKeyRingStore,
  keks: createKekStore,
  sealedBlobs: createSealedBlobStore,
  refreshOverview: createRefreshOverview,
  resealing: createResealingStore,
  brokerInstances: createBrokerInstanceStore,
  jobLeases: createJobLeaseStore,
  webhooks: createWebhookStore,
  webhookDeliveries: createWebhookDeliveryStore,
  callPace: createCallPaceStore,
  dueConnections: createDueConnections,
};

export type Stores = { readonly [K in keyof typeof makers]: ReturnType<(typeof makers)[K]> };

class LazyStores {
  readonly context: StoreContext;

  constructor(context: StoreContext) {
    this.context = context;
  }
}

for (const [name, make] of Object.entries(makers)) {
  Object.defineProperty(LazyStores.prototype, name, {
    get(this: LazyStores) {
      const store = make(this.context);
      Object.defineProperty(this, name, { value: store, configurable: true });
      return store;
    },
  });
}

export const BoundStores = LazyStores as unknown as new (context: StoreContext) => Stores;
