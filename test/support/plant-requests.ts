/** Sends secrets where none belong: other people's keys, guesses, broken bodies, unknown fields, strange paths. */
import { createToken } from '@nexus/core/tokens';
import { returnUrl } from './fixtures.js';
import { requestPlanted } from './plant-oauth.js';
import type { PlantedTraffic } from './planted-traffic.js';

/** A value of the right form and checksum that was never issued. */
function guess(traffic: PlantedTraffic, prefix: Parameters<typeof createToken>[0]): string {
  return traffic.adopt(`guessed ${prefix}`, createToken(prefix));
}

/** Creates a key of each role, and reads what may be read with them. */
export async function plantKeys(traffic: PlantedTraffic): Promise<Map<string, string>> {
  const keys = new Map<string, string>();
  for (const role of ['app', 'operator', 'auditor', 'admin', 'gateway']) {
    const body = { name: `planted ${role}`, role };
    const created = await traffic.broker('POST', '/admin/v1/keys', { body }, (answer) => [
      traffic.adopt(`${role} key`, answer.body.key),
    ]);
    keys.set(role, created.body.key);
  }
  const doomed = await traffic.broker('POST', '/admin/v1/keys', { body: { name: 'doomed', role: 'app' } }, (answer) => [
    traffic.adopt('revoked key', answer.body.key),
  ]);
  await traffic.broker('DELETE', `/admin/v1/keys/${doomed.body.id}`);
  await traffic.gateway('GET', '/v1/providers', { key: doomed.body.key });
  return keys;
}

export async function plantRequests(traffic: PlantedTraffic, keys: ReadonlyMap<string, string>): Promise<void> {
  await plantGuesses(traffic);
  await plantBrokenBodies(traffic);
  await plantStrangeRequests(traffic);
  await plantAdministration(traffic, keys);
}

async function plantGuesses(traffic: PlantedTraffic): Promise<void> {
  for (const key of [guess(traffic, 'nxa'), guess(traffic, 'nxp'), traffic.plant('key of another form')]) {
    await traffic.gateway('GET', '/v1/connections?workspace_id=workspace-1', { key });
    await traffic.broker('GET', '/admin/v1/providers', { key });
    await traffic.gateway('GET', `/v1/token/${guess(traffic, 'nxc')}`, { key });
  }
  for (const id of [guess(traffic, 'nxc'), traffic.plant('id of another form'), guess(traffic, 'nxa')]) {
    await traffic.gateway('GET', `/v1/token/${id}`);
    await traffic.gateway('GET', `/v1/check-connection/${id}`);
    await traffic.gateway('POST', `/v1/refresh/${id}`);
    await traffic.gateway('DELETE', `/v1/connections/${id}`, { key: traffic.stack.adminKey });
    const body = { workspace_id: 'workspace-1', provider_name: 'planted', return_url: returnUrl, connection_id: id };
    await traffic.gateway('POST', '/v1/request-connection', { body });
  }
  for (const ticket of [guess(traffic, 'nxt'), traffic.plant('ticket of another form')]) {
    await traffic.gateway('GET', `/v1/capture-schema?state=${ticket}`);
    const credentials = { api_key: traffic.plant('key sent with a guessed ticket') };
    await traffic.gateway('POST', '/v1/capture-credential', { body: { state: ticket, credentials } });
    const verifier = traffic.plant('verifier sent with a guessed handle').padEnd(43, 'x');
    await traffic.gateway('POST', '/v1/complete-connection', { body: { handle: ticket, code_verifier: verifier } });
    await traffic.gateway('GET', `/connect/${ticket}`);
  }
}

async function plantBrokenBodies(traffic: PlantedTraffic): Promise<void> {
  const paths = ['/v1/request-connection', '/v1/capture-credential', '/v1/complete-connection'];
  for (const path of paths) {
    const bodies = [
      { [guess(traffic, 'nxc')]: 'an unknown field named like a secret' },
      { state: [traffic.plant('secret of a wrong type')], handle: { deep: traffic.plant('secret inside') } },
      { return_url: `https://${traffic.plant('secret in a URL')}.example`, connection_id: 17 },
      traffic.plant('secret that is the whole body'),
    ];
    for (const body of bodies) await traffic.gateway('POST', path, { body });
    for (const type of ['text/plain', 'application/json']) {
      const text = `{"state":"${traffic.plant('secret of broken JSON')}"`;
      const response = await fetch(traffic.stack.gatewayUrl + path, {
        method: 'POST',
        headers: { 'Content-Type': type },
        body: text,
      });
      traffic.keep(`answer to a broken body at ${path}`, await response.text());
    }
    const big = { state: traffic.plant('secret of a body too large'), filler: 'x'.repeat(70_000) };
    await traffic.gateway('POST', path, { body: big });
  }
}

async function plantStrangeRequests(traffic: PlantedTraffic): Promise<void> {
  const flow = await requestPlanted(traffic, 'planted');
  const secret = () => traffic.plant('secret in a strange place');
  await traffic.gateway('GET', `/v1/unknown/${flow.id}`);
  await traffic.gateway('PATCH', `/v1/token/${flow.id}`);
  await traffic.gateway('GET', `/v1/token/${flow.id}?min_validity=${secret()}`);
  await traffic.gateway('GET', `/v1/token/${flow.id}`, {
    headers: {
      Authorization: `Bearer ${secret()}`,
      Cookie: `nxf_${flow.ref.slice(-8)}=${secret()}`,
      Referer: `${traffic.stack.gatewayUrl}/v1/token/${flow.id}`,
      'X-Request-Id': flow.id,
      'X-Forwarded-For': secret(),
    },
  });
  await traffic.gateway('GET', `/v1/check-connection/${flow.id}?wait=${secret()}`);
  await traffic.gateway('GET', `/auth/callback/${secret()}?code=${secret()}&state=${secret()}`);
  const foreign = await fetch(flow.authUrl, {
    method: 'POST',
    headers: { Origin: 'https://elsewhere.example', 'Content-Type': 'application/x-www-form-urlencoded' },
    body: `api_key=${secret()}`,
  });
  traffic.keep('answer to a foreign form', await foreign.text());
}

async function plantAdministration(traffic: PlantedTraffic, keys: ReadonlyMap<string, string>): Promise<void> {
  const key = keys.get('operator') ?? '';
  const create = (body: unknown) => traffic.gateway('POST', '/v1/providers', { key, body });
  const profile = { name: 'second', auth_type: 'oauth2', client_id: 'nexus', issuer: 'http://127.0.0.1:1' };
  const client_secret = () => traffic.plantAwkward('client secret of a provider');
  await create({ ...profile, client_secret: { value: client_secret() } });
  await create({ ...profile, client_secret: client_secret(), auth_url: 'not a URL' });
  await create({ ...profile, client_secret: client_secret(), params: { client_id: client_secret() } });
  const created = await create({ ...profile, client_secret: client_secret(), enable_discovery: true });
  await create({ ...profile, client_secret: client_secret(), enable_discovery: true });
  const path = `/v1/providers/${created.body.id}`;
  await traffic.gateway('PATCH', path, { key, body: { client_secret: [client_secret(), client_secret()] } });
  await traffic.gateway('PATCH', path, { key, body: { client_secret: 17, name: client_secret() } });
  await traffic.gateway('GET', path, { key });
  await traffic.gateway('GET', path, { key: keys.get('app') ?? '' });
  await traffic.gateway('GET', '/v1/providers', { key });
  await traffic.gateway('GET', '/v1/providers/metadata');
  await traffic.broker('POST', `/admin${path}/rebind`, {
    body: { from_origin: 'http://a.example', to_origin: client_secret() },
  });
  await traffic.broker('POST', '/admin/v1/connections/revoke', {
    body: { provider_name: client_secret(), dry_run: true },
  });
  await traffic.broker('GET', `/admin${path}`);
  await traffic.broker('PATCH', `/admin${path}`, { body: { client_secret: client_secret(), pkce: 'maybe' } });
  const second = { ...profile, client_secret: client_secret() };
  await traffic.broker('POST', '/admin/v1/providers/preview', { body: second });
  await traffic.broker('POST', '/admin/v1/providers/preview', { body: { ...second, template: client_secret() } });
  await traffic.broker('PUT', `/admin${path}`, { body: { ...second, client_secret: client_secret() } });
  await traffic.broker('PUT', `/admin${path}?expected_version=${client_secret()}`, { body: second });
  await traffic.gateway('DELETE', path, { key });
  await traffic.broker('DELETE', `/admin${path}?reason=${client_secret()}`);
  await traffic.gateway('GET', '/v1/connections?workspace_id=workspace-1', { key });
  const paths = ['providers', 'keys', 'return-origins', 'status', 'connections'];
  for (const name of paths) await traffic.broker('GET', `/admin/v1/${name}`);
  for (const path of ['/healthz', '/readyz', '/v1/health', '/assets/nexus.css']) await traffic.gateway('GET', path);
  for (const path of ['/healthz', '/readyz', '/health']) await traffic.broker('GET', path);
  const flow = await requestPlanted(traffic, 'planted');
  await traffic.broker('GET', `/admin/v1/connections/${flow.ref}`);
  await traffic.broker('DELETE', `/admin/v1/connections/${flow.ref}`);
  await traffic.broker('GET', `/admin/v1/connections/${flow.id}`);
  const returnOrigin = { origin: 'https://app.example', app_name: 'App', path_prefix: '/done', completion: 'bound' };
  const added = await traffic.broker('POST', '/admin/v1/return-origins', { body: returnOrigin });
  const unsafe = { ...returnOrigin, origin: `https://user:${traffic.plant('password in an origin')}@app.example` };
  await traffic.broker('POST', '/admin/v1/return-origins', { body: unsafe });
  await traffic.broker('DELETE', `/admin/v1/return-origins/${added.body.id}`);
  await traffic.broker('GET', `/audit?actor=${traffic.plant('secret in an audit query')}`);
  await traffic.broker('GET', `/audit?cursor=${traffic.plant('secret in a cursor')}`, {
    key: keys.get('auditor') ?? '',
  });
  await plantAuditLog(traffic, keys.get('auditor') ?? '');
  await traffic.broker('POST', '/internal/v1/connections/token', {
    key: keys.get('app') ?? '',
    body: { connection_id: traffic.plant('id sent past the Gateway') },
  });
}

async function plantAuditLog(traffic: PlantedTraffic, key: string): Promise<void> {
  const secret = () => traffic.plant('secret in a request for the audit log');
  await traffic.broker('GET', '/audit/checkpoints', { key });
  await traffic.broker('GET', '/metrics', { key });
  await traffic.broker('GET', `/audit/checkpoints?cursor=${secret().slice(0, 32)}`, { key });
  await traffic.broker('GET', '/audit/export', { key });
  await traffic.broker('GET', `/audit/export?from_seq=${secret()}`, { key });
  const prune = (body: unknown) => traffic.broker('POST', '/admin/v1/audit/prune', { body });
  await prune({ to_seq: 1, archive_sha256: secret() });
  await prune({ to_seq: 1, archive_sha256: '0'.repeat(64) });
  await prune({ to_seq: 1, archive_sha256: '0'.repeat(64), reason: secret() });
}
