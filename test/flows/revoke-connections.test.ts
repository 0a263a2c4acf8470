import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKey } from '../support/fixtures.js';
import { connectScripted, registerScriptedOauth, type ScriptedOauth } from '../support/scripted-oauth.js';
import { engines, type Stack, startStack } from '../support/stack.js';

describe.each(engines)('revoking connections in bulk on %s', (engine) => {
  let stack: Stack;
  let provider: ScriptedOauth;
  let operatorKey: string;

  beforeAll(async () => {
    stack = await startStack({ engine });
    provider = await registerScriptedOauth(stack);
    operatorKey = (await createKey(stack, 'operator')).key;
  });
  afterAll(async () => {
    await stack.close();
    await provider.close();
  });

  const revoke = (body: Readonly<Record<string, unknown>>) =>
    stack.broker('POST', '/admin/v1/connections/revoke', { key: operatorKey, body });

  it('counts first, then ends what matches at the provider too, and nothing else', async () => {
    const kept = await connectScripted(stack, provider, 'kept', { workspace_id: 'other' });
    const ended = await Promise.all(
      ['a', 'b', 'c'].map((login) => connectScripted(stack, provider, login, { workspace_id: 'hit' })),
    );
    const dry = await revoke({ workspace_id: 'hit', dry_run: true });
    expect(dry.body).toEqual({ matched: 3, revoked: 0, provider_revoked: 0, dry_run: true });
    const done = await revoke({ workspace_id: 'hit' });
    expect(done.body).toEqual({ matched: 3, revoked: 3, provider_revoked: 3, dry_run: false });
    for (const { connection_id } of ended) {
      expect((await stack.gateway('GET', `/v1/token/${connection_id}`)).status).toBe(410);
    }
    expect((await stack.gateway('GET', `/v1/token/${kept.connection_id}`)).status).toBe(200);
    expect(await revoke({ workspace_id: 'hit' })).toMatchObject({ body: { matched: 0, revoked: 0 } });
    const earlier = await revoke({ provider_name: provider.name, created_before: '2020-01-01T00:00:00Z' });
    expect(earlier.body.matched).toBe(0);
  });

  it('ends nothing without a filter', async () => {
    expect(await revoke({})).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
    expect(await revoke({ provider_name: 'nobody' })).toMatchObject({
      status: 404,
      body: { code: 'provider_not_found' },
    });
  });
});
