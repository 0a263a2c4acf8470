/** Sends agents, their keys, sessions and user tokens through every door, with secrets where each belongs and where none does. */
import { createToken } from '@nexus/core/tokens';
import type { PlantedTraffic } from './planted-traffic.js';
import { connectScripted, registerScriptedOauth, type ScriptedOauth } from './scripted-oauth.js';
import type { Answer } from './stack.js';
import { startUserIssuer, type UserIssuer } from './user-issuer.js';

const agentId = 'planted-agent';
const userTokenType = 'urn:ietf:params:oauth:token-type:jwt';
const connectionTokenType = 'urn:nexus:params:token-type:connection';

interface Planting {
  readonly traffic: PlantedTraffic;
  readonly issuer: UserIssuer;
  readonly provider: ScriptedOauth;
  readonly connectionId: string;
  /** The agent's own key. */
  readonly key: string;
}

export async function plantAgents(traffic: PlantedTraffic): Promise<ScriptedOauth> {
  const { stack } = traffic;
  const profile = { scopes: ['read', 'write'], downscope: { via: 'refresh' }, revoke: { kills: 'token' } };
  const provider = await registerScriptedOauth(stack, { name: 'planted-sessions', profile });
  provider.failTokens(() => ({
    body: {
      access_token: traffic.plant('access token behind a session'),
      refresh_token: traffic.plant('refresh token'),
      token_type: 'Bearer',
      expires_in: 3_600,
    },
  }));
  const issuer = await startUserIssuer(stack);
  const connection = await connectScripted(stack, provider, 'planted', { workspace_id: 'ada' });
  const connectionId = traffic.adopt('connection id of a session', connection.connection_id);
  const key = await plantRegistry(traffic);
  const planting = { traffic, issuer, provider, connectionId, key };
  await plantSessions(planting);
  await plantUserTokens(planting);
  await plantStandardDoor(planting);
  await plantIssuers(planting);
  await traffic.broker('POST', '/admin/v1/sessions/close', { body: { agent_id: agentId } });
  await traffic.broker('GET', `/admin/v1/sessions?agent_id=${agentId}`);
  await traffic.broker('DELETE', `/admin/v1/agents/${agentId}`);
  await issuer.close();
  return provider;
}

async function plantRegistry(traffic: PlantedTraffic): Promise<string> {
  const secret = () => traffic.plant('secret in an agent');
  await traffic.broker('POST', '/admin/v1/agents', { body: { agent_id: agentId, allowed_scopes: ['read', 'write'] } });
  await traffic.broker('POST', '/admin/v1/agents', { body: { agent_id: secret(), scopes: [secret()] } });
  await traffic.broker('GET', '/admin/v1/agents');
  await traffic.broker('GET', `/admin/v1/agents/${agentId}`);
  await traffic.broker('GET', `/admin/v1/agents/${secret()}`);
  await traffic.broker('PATCH', `/admin/v1/agents/${agentId}`, {
    body: { description: 'An agent.', active: 'planted' },
  });
  const path = `/admin/v1/agents/${agentId}/keys`;
  const [kept, revoked] = [
    await traffic.broker('POST', path, { body: {} }, (answer) => [traffic.adopt('agent key', answer.body.key)]),
    await traffic.broker('POST', path, { body: {} }, (answer) => [traffic.adopt('revoked agent key', answer.body.key)]),
  ];
  await traffic.broker('GET', path);
  await traffic.broker('DELETE', `${path}/${revoked.body.id}`);
  await traffic.gateway('GET', '/v1/agent-sessions/sess_unknown', { key: revoked.body.key });
  return kept.body.key;
}

const takeSession = (traffic: PlantedTraffic) => (answer: Answer) => {
  const token = answer.body.access_token;
  return typeof token === 'string' ? [traffic.adopt('session token', token)] : [];
};

async function plantSessions({ traffic, connectionId, key }: Planting): Promise<void> {
  const body = { agent_id: agentId, connection_id: connectionId, scopes: ['read'] };
  const opened = await traffic.gateway('POST', '/v1/agent-sessions', { key, body }, takeSession(traffic));
  const path = `/v1/agent-sessions/${opened.body.session_id}`;
  const read = (token: string) =>
    traffic.gateway('GET', `${path}/token`, { headers: { Authorization: `Bearer ${token}` } }, (answer) =>
      answer.status === 200 ? [answer.body.credentials.access_token] : [],
    );
  await read(opened.body.access_token);
  for (const token of [traffic.adopt('guessed nxs', createToken('nxs')), traffic.plant('bearer of another form')]) {
    await read(token);
    await traffic.gateway('GET', `/v1/agent-sessions/${token}`, { key });
    await traffic.gateway('POST', '/v1/agent-sessions', { key, body: { ...body, connection_id: token } });
    await traffic.gateway('POST', '/v1/agent-sessions', { key, body: { ...body, agent_id: token } });
  }
  const misnamed = { ...body, [traffic.adopt('field named like a token', createToken('nxs'))]: true };
  await traffic.gateway('POST', '/v1/agent-sessions', { key, body: misnamed });
  await traffic.gateway('GET', path, { key });
  await traffic.gateway('DELETE', path, { key });
  await read(opened.body.access_token);
}

async function plantUserTokens({ traffic, issuer, connectionId, key }: Planting): Promise<void> {
  const ask = (user_context_token: string) =>
    traffic.gateway(
      'POST',
      '/v1/agent-sessions/obo',
      { key, body: { agent_id: agentId, connection_id: connectionId, scopes: ['read'], user_context_token } },
      takeSession(traffic),
    );
  const sign = async (label: string, claims: Record<string, unknown>) =>
    traffic.adopt(label, await issuer.sign({ sub: 'ada', scope: 'read write', ...claims }));
  await ask(await sign('user token', {}));
  await ask(await sign('user token of another audience', { aud: 'another' }));
  await ask(await sign('user token with a wrong claim', { clearance_level: traffic.plant('secret in a claim') }));
  await ask(await sign('expired user token', { exp: 1 }));
  await ask(await sign('user token of nobody', { iss: 'https://nobody.example' }));
  await ask(traffic.plant('user token of another form'));
  await ask(key);
}

async function plantStandardDoor({ traffic, issuer, connectionId, key }: Planting): Promise<void> {
  const call = (path: string, form: Record<string, string>, secret = key) =>
    traffic.gateway(
      'POST',
      `/v1/oauth/${path}`,
      { form, headers: { Authorization: `Basic ${Buffer.from(`${agentId}:${secret}`).toString('base64')}` } },
      takeSession(traffic),
    );
  const grant_type = 'urn:ietf:params:oauth:grant-type:token-exchange';
  const exchange = { grant_type, subject_token_type: connectionTokenType, subject_token: connectionId, scope: 'read' };
  const opened = await call('token', exchange);
  const token = opened.body.access_token;
  const user = traffic.adopt('user token at the door', await issuer.sign({ sub: 'ada', scope: 'read' }));
  await call('token', {
    ...exchange,
    subject_token_type: userTokenType,
    subject_token: user,
    audience: 'planted-sessions',
  });
  await call('token', { ...exchange, subject_token: traffic.plant('subject token of another form') });
  await call('token', { ...exchange, client_secret: traffic.plant('client secret in the form') });
  await call('token', exchange, traffic.plant('client secret of another form'));
  await call('introspect', { token });
  await call('introspect', { token: traffic.plant('foreign token at introspection') });
  await call('revoke', { token: traffic.plant('foreign token at revocation') });
  await call('revoke', { token });
  await traffic.gateway('GET', '/.well-known/oauth-authorization-server');
}

async function plantIssuers({ traffic }: Planting): Promise<void> {
  const body = { issuer: 'http://127.0.0.1:1', audience: 'nexus', workspace_prefix: 'planted:' };
  const created = await traffic.broker('POST', '/admin/v1/issuers', { body });
  const unsafe = `http://user:${traffic.plant('password in an issuer')}@127.0.0.1:1`;
  await traffic.broker('POST', '/admin/v1/issuers', { body: { ...body, issuer: unsafe } });
  await traffic.broker('POST', '/admin/v1/issuers', { body: { ...body, jwks_uri: unsafe } });
  await traffic.broker('GET', '/admin/v1/issuers');
  await traffic.broker('DELETE', `/admin/v1/issuers/${created.body.id}`);
  await traffic.broker('DELETE', `/admin/v1/issuers/${traffic.plant('secret in the place of an issuer')}`);
}
