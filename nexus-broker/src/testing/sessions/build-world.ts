/** Puts a planned world into the Broker: people's doings through the API, what providers would answer into the stores. */
import { toInstant } from '@nexus/core/clock';
import { createToken, hashToken } from '@nexus/core/tokens';
import type { StoredCredential } from '../../domain/credential.js';
import { sealCredential } from '../../grants/credential-custody.js';
import { createConnection, createCredentialInput } from '../../stores/store-fixture.js';
import type { BrokerUnderTest } from './broker-under-test.js';
import type { Agent, Connection, Issuer, Key, World } from './model.js';
import { demandAnswer, type Trial } from './trial.js';
import {
  type AgentPlan,
  type ConnectionPlan,
  type IssuerPlan,
  type KeyPlan,
  type WorldPlan,
  workspaceNames,
} from './world-plan.js';

export const audience = 'https://nexus.example';
const tokenOrigin = 'https://provider.example';

export async function buildWorld(
  broker: BrokerUnderTest,
  plan: WorldPlan,
  { run, counts }: Pick<Trial, 'run' | 'counts'>,
): Promise<Trial> {
  broker.advance(60_000);
  const startedMs = broker.nowMs();
  const world: World = {
    nowMs: startedMs,
    agents: [],
    keys: [],
    connections: [],
    issuers: [],
    sessions: [],
    userTokens: [],
    spent: new Set(),
  };
  const trial: Trial = { broker, world, run, startedMs, refusals: [], counts };
  await forgetIssuers(broker);
  for (const key of plan.keys) world.keys.push(await createKey(trial, key));
  for (const [index, agent] of plan.agents.entries()) await addAgent(trial, agent, `agent-${run}-${index}`);
  const planned = plan.connections.map((connection) => planConnection(trial, connection));
  await storeConnections(trial, planned);
  for (const [index, issuer] of plan.issuers.entries()) world.issuers.push(await addIssuer(trial, issuer, index));
  return trial;
}

/** Issuers of an earlier run would speak for the workspaces of this one. */
async function forgetIssuers(broker: BrokerUnderTest): Promise<void> {
  const { issuers } = demandAnswer(await broker.direct('GET', '/admin/v1/issuers'), 200, 'the list of issuers');
  for (const { id } of issuers as readonly { readonly id: string }[]) {
    demandAnswer(await broker.direct('DELETE', `/admin/v1/issuers/${id}`), 200, 'the end of an issuer');
  }
}

async function createKey({ broker, world }: Trial, { role, lifeSeconds }: KeyPlan): Promise<Key> {
  const expiresMs = endAfter(world, lifeSeconds);
  const body = { name: role, role, expires_at: toWire(expiresMs) };
  const made = demandAnswer(await broker.direct('POST', '/admin/v1/keys', { body }), 201, 'a new key');
  return { id: String(made['id']), value: String(made['key']), role, agent: null, expiresMs, isRevoked: false };
}

function endAfter({ nowMs }: World, seconds: number | null): number | null {
  return seconds === null ? null : nowMs + seconds * 1_000;
}

function toWire(ms: number | null): string | null {
  return ms === null ? null : toInstant(ms);
}

async function addAgent(trial: Trial, plan: AgentPlan, id: string): Promise<void> {
  const agent: Agent = {
    id,
    isRegistered: false,
    isActive: false,
    scopes: new Set(plan.scopes),
    providers: plan.providers === null ? null : new Set(plan.providers),
  };
  trial.world.agents.push(agent);
  await registerAgent(trial, agent, plan.keyLifeSeconds);
}

/** With the rights the model has for it, and a key of its own. */
export async function registerAgent(trial: Trial, agent: Agent, keyLifeSeconds: number | null): Promise<void> {
  const { broker, world } = trial;
  const body = {
    agent_id: agent.id,
    allowed_scopes: [...agent.scopes],
    ...(agent.providers === null ? {} : { allowed_providers: [...agent.providers] }),
  };
  demandAnswer(await broker.direct('POST', '/admin/v1/agents', { body }), 201, 'a registration');
  agent.isRegistered = true;
  agent.isActive = true;
  const expiresMs = endAfter(world, keyLifeSeconds);
  const path = `/admin/v1/agents/${agent.id}/keys`;
  const made = demandAnswer(await broker.direct('POST', path, { body: { expires_at: toWire(expiresMs) } }), 201, path);
  const [id, value] = [String(made['id']), String(made['key'])];
  world.keys.push({ id, value, role: 'agent', agent, expiresMs, isRevoked: false });
}

async function addIssuer(trial: Trial, plan: IssuerPlan, index: number): Promise<Issuer> {
  const { url = '' } = trial.broker.identityProviders[index] ?? {};
  const issuer = { url, ...plan, id: '', isRegistered: false };
  await registerIssuer(trial, issuer);
  return issuer;
}

export async function registerIssuer({ broker }: Trial, issuer: Issuer): Promise<void> {
  const provider = broker.identityProviders.find(({ url }) => url === issuer.url);
  const body = {
    issuer: issuer.url,
    jwks_uri: provider?.keysUrl,
    audience,
    workspace_from: issuer.workspaceFrom,
    workspace_prefix: issuer.prefix,
  };
  const made = demandAnswer(await broker.direct('POST', '/admin/v1/issuers', { body }), 201, 'a new issuer');
  issuer.id = String(made['id']);
  issuer.isRegistered = true;
}

type Planned = ReturnType<typeof planConnection>;

function planConnection({ broker, world, run }: Trial, plan: ConnectionPlan) {
  const id = createToken('nxc');
  const startedBy = plan.startedBy === null ? null : (world.keys[plan.startedBy] ?? null);
  const at = toInstant(world.nowMs);
  const row = createConnection(broker.providerIds[plan.provider], {
    idHash: hashToken(id),
    workspaceId: `${workspaceNames[plan.workspace]}-${run}`,
    requestedBy: startedBy?.id ?? null,
    requestedScopes: plan.asksForScopes ? ['read'] : [],
    createdAt: at,
    updatedAt: at,
  });
  const connection: Connection = {
    id,
    ref: row.connectionRef,
    workspace: row.workspaceId,
    provider: plan.provider,
    startedBy,
    asksForScopes: plan.asksForScopes,
    status: 'pending',
    granted: new Set(),
    secret: '',
    version: 0,
  };
  return { plan, row, connection };
}

async function storeConnections({ broker, world }: Trial, planned: readonly Planned[]): Promise<void> {
  await broker.deps.database.transaction(async (stores) => {
    for (const { row } of planned) await stores.connections.insert(row, 600);
  });
  for (const { plan, connection } of planned) {
    world.connections.push(connection);
    if (plan.status !== 'pending') await storeGrant(broker, connection, plan.granted);
    if (plan.status === 'attention') await markAttention(broker, connection);
  }
}

/** What a person and a provider do when a connection is made, or made again with other scopes. */
export async function storeGrant(
  { deps, providerIds }: BrokerUnderTest,
  connection: Connection,
  granted: readonly string[] | null,
): Promise<void> {
  const { ref, provider, workspace, version } = connection;
  const providerId = providerIds[provider];
  const secret = `secret ${version + 1} of ${ref}`;
  const owner = { connectionRef: ref, workspaceId: workspace, providerId };
  const grantedScopes = provider === 'static' ? null : granted;
  const issuedOrigin = provider === 'static' ? '' : tokenOrigin;
  const sealed = sealCredential(
    deps.vault,
    owner,
    createCredential(provider === 'static', secret, grantedScopes ?? []),
    version + 1,
    issuedOrigin,
  );
  const input = createCredentialInput(createConnection(providerId, { connectionRef: ref, version }), {
    sealed,
    from: ['pending', 'active', 'attention', 'failed'],
    grantedScopes,
    accountSubject: ref,
    accessExpiresAt: null,
    refreshAfter: null,
    hasRefreshToken: false,
    issuedOrigin,
  });
  const isStored = await deps.database.transaction((stores) => stores.connections.storeCredential(input));
  if (!isStored) throw new Error('the connection is not what the model says');
  Object.assign(connection, { version: version + 1, secret, status: 'active', granted: new Set(grantedScopes) });
}

function createCredential(isStatic: boolean, secret: string, granted: readonly string[]): StoredCredential {
  if (isStatic) return { kind: 'static', fields: { api_key: secret } };
  return {
    kind: 'oauth2',
    accessToken: secret,
    refreshToken: null,
    tokenType: 'Bearer',
    idToken: null,
    scope: granted.join(' '),
    expiresAt: null,
  };
}

export async function markAttention({ deps, nowMs }: BrokerUnderTest, connection: Connection): Promise<void> {
  const isMarked = await deps.database.transaction((stores) =>
    stores.connections.markAttention({
      connectionRef: connection.ref,
      expectedVersion: connection.version,
      reason: 'grant_revoked',
      at: toInstant(nowMs()),
    }),
  );
  if (!isMarked) throw new Error('the connection is not what the model says');
  connection.status = 'attention';
}
