import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSession, readThrough, registerAgent, requestSession, type TestAgent } from '../support/agents.js';
import { type Requested, readAudit, requestConnection } from '../support/fixtures.js';
import { connectAs, connectScripted, registerScriptedOauth, type ScriptedOauth } from '../support/scripted-oauth.js';
import { readSealed } from '../support/sql.js';
import { engines, type Stack, startStack } from '../support/stack.js';

describe.each(engines)('deleting a connection whose credential keeps changing on %s', (engine) => {
  let stack: Stack;
  /** Both narrow on refresh and rotate; a revocation kills one token, or nobody knows what. */
  let providers: Readonly<Record<'precise' | 'shared', ScriptedOauth>>;
  let agent: TestAgent;

  beforeAll(async () => {
    stack = await startStack({ engine });
    const profile = { scopes: ['read', 'write'], downscope: { via: 'refresh' } };
    providers = {
      precise: await registerScriptedOauth(stack, {
        name: 'precise',
        profile: { ...profile, revoke: { kills: 'token' } },
      }),
      shared: await registerScriptedOauth(stack, { name: 'shared', profile }),
    };
    agent = await registerAgent(stack, { allowed_scopes: ['read', 'write'] });
  });
  afterAll(async () => {
    await stack.close();
    await providers.precise.close();
    await providers.shared.close();
  });

  const remove = ({ connection_id }: Requested) =>
    stack.gateway('DELETE', `/v1/connections/${connection_id}`, { key: stack.adminKey });

  async function expectGone(requested: Requested): Promise<void> {
    expect(await readSealed(stack, requested.connection_ref)).toBeNull();
    const check = await stack.gateway('GET', `/v1/check-connection/${requested.connection_id}`);
    expect(check.body.status).toBe('revoked');
  }
  const revocationsOf = async (requested: Requested) =>
    (await readAudit(stack, requested.connection_ref)).filter((event) => event.event_type === 'connection.revoked');
  const newestRefreshToken = (provider: ScriptedOauth, login: string): string => {
    const issued = provider.server.requests('/token').length;
    return `rt-${login}-${issued}`;
  };

  it.each(['precise', 'shared'] as const)('agents that narrow without end do not keep it (%s)', async (name) => {
    const provider = providers[name];
    provider.server.answer('/revoke', { status: 200, delayMs: 150 });
    const requested = await connectScripted(stack, provider, 'loop');
    let isOver = false;
    const loop = async () => {
      while (!isOver) {
        const { connection_id } = requested;
        const opened = await requestSession(stack, agent.key, {
          agent_id: agent.agentId,
          connection_id,
          scopes: ['read'],
        });
        if (opened.status !== 201) return;
        await readThrough(stack, opened.body);
      }
    };
    const loops = [loop(), loop(), loop()];
    while (provider.tokenCalls('refresh_token').length === 0) await sleep(5);
    const deleted = await remove(requested);
    isOver = true;
    await Promise.all(loops);
    expect(deleted.status).toBe(200);
    expect(deleted.body).toMatchObject({ status: 'revoked', already_revoked: false, provider_revoked: true });
    await expectGone(requested);
    expect(provider.revoked()).toContain(newestRefreshToken(provider, 'loop'));
  });

  it('the second attempt keeps refreshes and narrowings waiting, so the provider is asked before anything is erased', async () => {
    const { precise } = providers;
    const requested = await connectScripted(stack, precise, 'once');
    const { connection_id } = requested;
    const asked = precise.revoked().length;
    const narrow = async () => readThrough(stack, await openSession(stack, agent, { connection_id, scopes: ['read'] }));
    const readings: Promise<unknown>[] = [];
    const first = newestRefreshToken(precise, 'once');
    precise.server.answer('/revoke', async () => {
      readings.push(narrow().catch(() => null));
      // The first narrowing gets through, however slow the machine; those that are kept waiting wait for this answer.
      while (newestRefreshToken(precise, 'once') === first) await sleep(20);
      await sleep(300);
      return { status: 200 };
    });
    const deleted = await remove(requested);
    precise.server.answer('/revoke', { status: 200 });
    expect(deleted.body).toMatchObject({ status: 'revoked', provider_revoked: true });
    await Promise.all(readings);
    await expectGone(requested);
    expect(await revocationsOf(requested)).toHaveLength(1);
    // Those of the first credential, and those of what a narrowing left while the provider was asked about them.
    const refreshTokens = precise
      .revoked()
      .slice(asked)
      .filter((token) => token.startsWith('rt-once-'));
    expect(refreshTokens.length).toBeGreaterThanOrEqual(2);
    expect(refreshTokens.at(-1)).toBe(newestRefreshToken(precise, 'once'));
  });

  it('whoever reconnects whenever the provider is asked does not keep it: the newest grant is revoked afterwards', async () => {
    const { precise } = providers;
    const requested = await connectScripted(stack, precise, 'again');
    const { connection_id } = requested;
    const reconnect = async () => {
      const body = { provider_name: 'precise', connection_id };
      await connectAs(stack, await requestConnection(stack, body), 'again');
    };
    let reconnects = 0;
    precise.server.answer('/revoke', async ({ form }) => {
      if (form.get('token_type_hint') === 'refresh_token')
        await reconnect().then(
          () => (reconnects += 1),
          () => null,
        );
      return { status: 200 };
    });
    const deleted = await remove(requested);
    precise.server.answer('/revoke', { status: 200 });
    expect(deleted.status).toBe(200);
    expect(deleted.body).toMatchObject({ status: 'revoked', already_revoked: false, provider_revoked: true });
    expect(reconnects).toBe(3);
    await expectGone(requested);
    const newest = newestRefreshToken(precise, 'again');
    expect(precise.revoked().slice(-2)).toEqual([newest, newest.replace('rt-', 'at-')]);
    expect(await revocationsOf(requested)).toMatchObject([
      { data: { provider_revoked: true, sessions_closed: 0 } },
      { data: { reason: 'newer_credential', provider_revoked: true } },
    ]);
  });
});
