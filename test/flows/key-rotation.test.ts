import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type OpenedSession, openSession, readThrough, registerAgent } from '../support/agents.js';
import { createKey, registerStaticProvider, requestConnection } from '../support/fixtures.js';
import {
  addKeyLine,
  ageRetirement,
  dropKeyLine,
  postVault,
  readRing,
  takeStep,
  waitForResealing,
} from '../support/key-ring.js';
import { runCli } from '../support/nexus-cli.js';
import { connectScripted, registerScriptedOauth, type ScriptedOauth } from '../support/scripted-oauth.js';
import { engines, type Stack, startStack } from '../support/stack.js';

const staticConnections = 12;
/** Keys of the first start, by purpose. */
const first = { cred: 1, provider: 2, flow: 3, audit: 4, checkpoint: 5 };

describe.each(engines)('the rotation of keys on %s', (engine) => {
  let stack: Stack;
  let provider: ScriptedOauth;
  let keyFile: string;
  let firstKek: string;
  let session: OpenedSession;
  /** What each connection holds. */
  const held = new Map<string, string>();
  let sessionToken = '';
  let oauthId = '';
  let oauthToken = '';

  beforeAll(async () => {
    stack = await startStack({ engine, brokerEnv: { BACKUP_RETENTION_DAYS: '0' } });
    keyFile = join(stack.dataDir, 'kek.key');
    firstKek = (await readRing(stack)).keks[0]?.id ?? '';
    await registerStaticProvider(stack);
    for (let index = 0; index < staticConnections; index++) {
      const { connection_id, state } = await requestConnection(stack, { provider_name: 'acme-key' });
      const credentials = { api_key: `fixture-key-${index}` };
      await stack.gateway('POST', '/v1/capture-credential', { body: { state, credentials } });
      held.set(connection_id, credentials.api_key);
    }
    const profile = { scopes: ['read', 'write'], downscope: { via: 'refresh' }, revoke: { kills: 'token' } };
    provider = await registerScriptedOauth(stack, { profile });
    const connection = await connectScripted(stack, provider, 'ada');
    const agent = await registerAgent(stack, { allowed_scopes: ['read'] });
    oauthId = connection.connection_id;
    session = await openSession(stack, agent, { connection_id: oauthId, scopes: ['read'] });
    sessionToken = (await readThrough(stack, session)).body.credentials.access_token;
    oauthToken = (await stack.gateway('GET', `/v1/token/${oauthId}`)).body.credentials.access_token;
  });
  afterAll(async () => {
    await stack?.close();
    await provider?.close();
  });

  /** Every credential is what it was, and the provider was asked for none of them. */
  async function expectAllReadable(): Promise<void> {
    const calls = provider.server.requests('/token').length;
    for (const [id, key] of held) {
      const answer = await stack.gateway('GET', `/v1/token/${id}`);
      expect([answer.status, answer.body.credentials]).toEqual([200, { api_key: key }]);
    }
    expect((await stack.gateway('GET', `/v1/token/${oauthId}`)).body.credentials.access_token).toBe(oauthToken);
    expect((await readThrough(stack, session)).body.credentials.access_token).toBe(sessionToken);
    expect(provider.server.requests('/token')).toHaveLength(calls);
  }

  async function restart(): Promise<void> {
    expect(await stack.stopBroker('SIGTERM')).toBe(0);
    await stack.startBroker();
  }

  it('K6: replaces the key-encryption key: added, promoted, the old one retired and gone from the key file', async () => {
    await addKeyLine(keyFile, 'kek-next');
    expect(await takeStep(stack, 'keks', { id: 'kek-next' })).toBe('201');
    await expectAllReadable();
    await restart();
    expect(await takeStep(stack, 'keks/kek-next/promote')).toBe('200');
    expect(await takeStep(stack, `keks/${firstKek}/retire`)).toBe('200');
    await expectAllReadable();
    await dropKeyLine(keyFile, firstKek);
    await restart();
    await expectAllReadable();
    const { keks, keys } = await readRing(stack);
    expect(keks.map(({ id, state, data_keys }) => [id, state, data_keys])).toEqual([
      [firstKek, 'retired', 0],
      ['kek-next', 'primary', 5],
    ]);
    expect(new Set(keys.map(({ wrapped_by }) => wrapped_by))).toEqual(new Set(['kek-next']));
  });

  it('replaces the data keys: everything is sealed again, the old ones are retired and destroyed', async () => {
    const rotated = await postVault(stack, 'rotate', {});
    expect(rotated.body.keys.map(({ purpose, state }: { purpose: string; state: string }) => [purpose, state])).toEqual(
      [
        ['cred', 'active'],
        ['provider', 'active'],
        ['flow', 'active'],
        ['audit', 'active'],
      ],
    );
    await expectAllReadable();
    await restart();
    const old = [first.cred, first.provider, first.flow];
    const { resealing } = await waitForResealing(stack, old);
    expect(
      resealing.find(({ key_id, target }) => key_id === 1 && target === 'connection.sealed_credential'),
    ).toMatchObject({ resealed: staticConnections + 1, failed: 0, remaining: 0 });
    expect(resealing.find(({ target }) => target === 'agent_session.sealed_token')).toMatchObject({ resealed: 1 });
    expect(resealing.find(({ target }) => target === 'provider.sealed_secrets')).toMatchObject({ resealed: 1 });
    await expectAllReadable();
    for (const id of old) {
      expect(await takeStep(stack, `keys/${id}/destroy`)).toBe('409 key_state_conflict');
      expect(await takeStep(stack, `keys/${id}/retire`)).toBe('200');
      expect(await takeStep(stack, `keys/${id}/destroy`), 'too soon after the retirement').toBe('409 key_in_use');
      await ageRetirement(stack, id);
      expect(await takeStep(stack, `keys/${id}/destroy`)).toBe('200');
    }
    await restart();
    await expectAllReadable();
    const { keys } = await readRing(stack);
    expect(keys.slice(0, 5).map(({ state }) => state)).toEqual([
      ...['destroyed', 'destroyed', 'destroyed'],
      ...['decrypt-only', 'active'],
    ]);
  });

  it('seals what comes next under the new keys, and the log under the new audit key', async () => {
    const { keys } = await readRing(stack);
    const sealing = (purpose: string) => keys.find((key) => key.purpose === purpose && key.state === 'active');
    const before = sealing('cred')?.rows ?? 0;
    const { state } = await requestConnection(stack, { provider_name: 'acme-key' });
    await stack.gateway('POST', '/v1/capture-credential', { body: { state, credentials: { api_key: 'fixture' } } });
    const after = (await readRing(stack)).keys.find(({ id }) => id === sealing('cred')?.id);
    expect(after?.rows).toBe(before + 1);
    expect(sealing('audit')?.id).toBeGreaterThan(first.audit);
  });

  it('replaces a key others may know, with all that is under it', async () => {
    const { keys } = await readRing(stack);
    const id = keys.find((key) => key.purpose === 'cred' && key.state === 'active')?.id ?? 0;
    const marked = await postVault(stack, `keys/${id}/compromise`);
    expect(marked.body).toMatchObject({ id, state: 'compromised' });
    await waitForResealing(stack, [id]);
    await expectAllReadable();
    expect(await takeStep(stack, `keys/${id}/retire`)).toBe('200');
  });

  it('names the new checkpoint key in the log before it signs', async () => {
    const added = await postVault(stack, 'keys', { purpose: 'checkpoint' });
    expect(added.body).toMatchObject({ state: 'pre-active', rows: null, public_key: expect.any(String) });
    expect(await takeStep(stack, `keys/${added.body.id}/promote`)).toBe('200');
    await createKey(stack, 'app');
    const { checkpoints } = (await stack.broker('GET', '/audit/checkpoints')).body;
    const [entry] = (await stack.broker('GET', `/audit?resource_id=${added.body.id}&event_type=vault.key_added`)).body
      .events;
    expect(entry.data.public_key).toBe(added.body.public_key);
    const cover = checkpoints.find(({ size }: { size: number }) => size >= entry.seq);
    expect(cover.key_id).toBe(first.checkpoint);
  });

  it.each([
    ['keks', { id: 'nowhere' }, '422 kek_unusable'],
    ['keks', { id: 'kek-next' }, '409 kek_exists'],
    ['keks', { id: '../kek' }, '400 invalid_request'],
    ['keks/nowhere/promote', undefined, '404 kek_not_found'],
    ['keks/kek-next/promote', undefined, '409 key_state_conflict'],
    ['keks/kek-next/retire', undefined, '409 key_in_use'],
    ['keys', { purpose: 'all' }, '400 invalid_request'],
    ['keys/999/promote', undefined, '404 data_key_not_found'],
    ['keys/0/promote', undefined, '400 invalid_request'],
    ['keys/4/promote', undefined, '409 key_state_conflict'],
    ['keys/4/retire', undefined, '409 key_in_use'],
    ['keys/4/destroy', undefined, '409 key_in_use'],
    ['keys/1/compromise', undefined, '409 key_state_conflict'],
    ['rotate', { purposes: [] }, '400 invalid_request'],
  ])('refuses %s %j with %s', async (path, body, refusal) => {
    expect(await takeStep(stack, path, body)).toBe(refusal);
  });

  it('K3: leaves a log that verifies, and a store that is what the log says', async () => {
    const verified = await runCli(['audit', 'verify', '--store'], { brokerUrl: stack.brokerUrl, key: stack.adminKey });
    expect([verified.code, verified.stdout, verified.stderr]).toEqual([0, expect.any(String), '']);
  });

  it('shows how old each key is', async () => {
    const { keys } = (await stack.broker('GET', '/admin/v1/status')).body;
    expect(keys.length).toBeGreaterThanOrEqual(10);
    for (const key of keys) {
      expect(key).toMatchObject({ id: expect.any(Number), purpose: expect.any(String), state: expect.any(String) });
      expect(key.age_seconds).toBeGreaterThanOrEqual(0);
      expect(key.age_seconds).toBeLessThan(600);
    }
  });
});
