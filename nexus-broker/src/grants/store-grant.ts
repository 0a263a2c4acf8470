/** Puts a new credential into a connection's row: the one way a connection becomes active. */
import type { Clock } from '@nexus/core/clock';
import { toInstant } from '@nexus/core/clock';
import type { Vault } from '@nexus/vault/vault';
import type { AuditLog } from '../audit/audit-log.js';
import type { AuditOrigin } from '../domain/audit-event.js';
import type { Flow } from '../domain/authorization-flow.js';
import { type Connection, statusesBefore } from '../domain/connection.js';
import type { StoredCredential } from '../domain/credential.js';
import { compareScopes, refreshDueAt } from '../domain/grant.js';
import type { PlaceValues } from '../domain/placeholders.js';
import type { Provider } from '../domain/provider.js';
import { witness } from '../domain/store-witness.js';
import { findMovedInputs } from '../domain/tenant.js';
import { splitScope } from '../domain/token-set.js';
import type { Database, Stores } from '../stores/database.js';
import { sealCredential } from './credential-custody.js';

interface StoreGrantDeps {
  readonly database: Database;
  readonly vault: Vault;
  readonly audit: AuditLog;
  readonly clock: Clock;
}

/** What a flow brought home; sealed as it is while a bound flow waits for its verifier. */
export type Grant = {
  readonly credential: StoredCredential;
  readonly issuedOrigin: string;
  readonly subject: string | null;
  readonly label: string | null;
  /** What the provider told once; left out where it told nothing. */
  readonly accountData?: PlaceValues;
};

interface StoreGrantInput {
  readonly flow: Flow;
  readonly grant: Grant;
  readonly provider: Provider;
  readonly origin: AuditOrigin;
  /** Runs in the same transaction and decides with it: false undoes everything. */
  readonly settleFlow: (stores: Stores) => Promise<boolean>;
}

export type StoreGrantOutcome = 'stored' | 'flow_spent' | 'account_mismatch' | 'revoked';

/** More often than this a refresh does not win against one reconnect. */
const maxAttempts = 5;

/**
 * Stores the grant, its audit entry and the end of its flow in one transaction. A refresh that wins the race in between
 * is simply replaced: the new consent is newer.
 */
export async function storeGrant(deps: StoreGrantDeps, input: StoreGrantInput): Promise<StoreGrantOutcome> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await deps.database.transaction((stores) => tryStore(deps, stores, input));
    } catch (error) {
      if (!(error instanceof SupersededError) || attempt === maxAttempts) throw error;
    }
  }
}

async function tryStore(deps: StoreGrantDeps, stores: Stores, input: StoreGrantInput): Promise<StoreGrantOutcome> {
  const { flow, grant, provider } = input;
  const { profile } = provider;
  const connection = await stores.connections.findByRef(flow.connectionRef);
  if (connection === null || connection.status === 'revoked') return 'revoked';
  if (!(await stores.providers.holdLive(flow.providerId))) return 'revoked';
  if (isOtherAccount(flow, { connection, provider }, grant)) return 'account_mismatch';
  if (!(await input.settleFlow(stores))) return 'flow_spent';
  const now = deps.clock.now();
  const version = connection.version + 1;
  const sealed = sealCredential(deps.vault, connection, grant.credential, version, grant.issuedOrigin);
  const oauth = grant.credential.kind === 'oauth2' ? grant.credential : null;
  const granted = oauth === null ? flow.scopes : splitScope(oauth.scope);
  const stored = await stores.connections.storeCredential({
    connectionRef: connection.connectionRef,
    expectedVersion: connection.version,
    sealed,
    from: statusesBefore('active'),
    grantedScopes: granted,
    accountSubject: grant.subject ?? connection.accountSubject,
    accountLabel: grant.label ?? flow.accountLabel ?? connection.accountLabel,
    accessExpiresAt: oauth?.expiresAt ?? null,
    refreshAfter: oauth === null ? null : refreshDueAt(oauth, now, connection.connectionRef, version, profile.refresh),
    hasRefreshToken: oauth?.refreshToken != null,
    inputs: flow.inputs,
    accountData: grant.accountData ?? {},
    issuedOrigin: grant.issuedOrigin,
    at: toInstant(now),
    isRefresh: false,
  });
  if (!stored) throw new SupersededError();
  // What was minted from the grant before is not of this one, perhaps not even of the same account.
  await stores.sessions.dropTokens(connection.connectionRef);
  const { excess, missing } = compareScopes(flow.scopes, granted);
  await stores.audit.insert([
    deps.audit.entry(
      {
        eventType: connection.version === 0 ? 'connection.activated' : 'connection.reconnected',
        outcome: 'success',
        connectionRef: connection.connectionRef,
        providerName: profile.name,
        workspaceId: connection.workspaceId,
        data: { scopes: [...granted], version, excess_scopes: excess, missing_scopes: missing },
        store: witness('connection', connection.connectionRef, version, sealed),
      },
      input.origin,
    ),
  ]);
  return 'stored';
}

/** Rolls the transaction back, so that the flow is not spent by an attempt that stored nothing. */
class SupersededError extends Error {}

interface Reconnected {
  readonly connection: Connection | null;
  readonly provider: Provider;
}

/**
 * Whether the grant is of another account than asked for, or than the connection has; what is not proven counts as such.
 * A subject names an account of one tenant only.
 */
export function isOtherAccount(flow: Flow, { connection, provider }: Reconnected, grant: Grant): boolean {
  const expected = [flow.expectedSubject, connection?.accountSubject ?? null];
  if (expected.some((subject) => subject !== null && subject !== grant.subject)) return true;
  const hasAccount = connection !== null && connection.version > 0;
  return hasAccount && findMovedInputs(provider, connection.inputs, flow.inputs).length > 0;
}
