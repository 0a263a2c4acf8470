import { createHash } from 'node:crypto';
import type { RunningOpenidProvider } from '@nexus/testkit/openid-provider';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withBrokenAudit, withBrokenSealing } from '../support/audit-failure.js';
import { type Requested, registerOpenidProvider, requestConnection, returnUrl } from '../support/fixtures.js';
import { Person } from '../support/person.js';
import { forgetLastRefresh, runSql } from '../support/sql.js';
import { type Answer, engines, type Stack, startStack } from '../support/stack.js';
import { waitFor } from '../support/wait.js';

const tries = 1_000;
const concurrency = 20;

describe.each(engines)('A1: while the audit log of %s cannot be written', (engine) => {
  let stack: Stack;
  let provider: RunningOpenidProvider;
  let appKey = '';
  let staticId = '';
  /** Connected by the application's key, so that it can be resolved. */
  let connected: Requested;
  const secrets: string[] = [];

  const request = async (name: string, body: Readonly<Record<string, unknown>> = {}): Promise<Requested> => {
    const answer = await stack.gateway('POST', '/v1/request-connection', {
      key: appKey,
      body: { workspace_id: 'workspace-1', provider_name: name, return_url: returnUrl, ...body },
    });
    expect(answer.status).toBe(200);
    return answer.body;
  };
  const resolvePath = '/v1/resolve?workspace_id=workspace-1&provider_name=acme';

  beforeAll(async () => {
    stack = await startStack({ engine });
    ({ provider } = await registerOpenidProvider(stack));
    const created = await stack.broker('POST', '/admin/v1/keys', { body: { name: 'app', role: 'app' } });
    appKey = created.body.key;
    connected = await request('acme');
    await new Person(stack.gatewayUrl).connect(connected.auth_url, provider, 'ada');
    const token = await stack.gateway('GET', `/v1/token/${connected.connection_id}`);
    await stack.broker('POST', '/admin/v1/providers', { body: { name: 'static', auth_type: 'api_key' } });
    const flow = await request('static');
    staticId = flow.connection_id;
    const credentials = { api_key: 'static-secret-of-this-test' };
    await stack.gateway('POST', '/v1/capture-credential', { body: { state: flow.state, credentials } });
    secrets.push(token.body.credentials.access_token, credentials.api_key);
  });
  afterAll(async () => {
    await stack.close();
    await provider.close();
  });

  function expectWithheld(answer: Answer): void {
    expect({ status: answer.status, code: answer.body.code }).toEqual({ status: 503, code: 'audit_unavailable' });
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    for (const secret of secrets) expect(JSON.stringify(answer.body)).not.toContain(secret);
  }

  it(`answers no secret in ${tries} tries, through any door, and then serves by itself`, async () => {
    const doors = [
      () => stack.gateway('GET', `/v1/token/${connected.connection_id}`),
      () => stack.gateway('GET', `/v1/token/${staticId}`),
      () => stack.gateway('GET', resolvePath, { key: appKey }),
    ];
    let sent = 0;
    const trySome = async (): Promise<void> => {
      for (let turn = sent++; turn < tries; turn = sent++) {
        expectWithheld((await (doors[turn % doors.length] ?? doors[0])?.()) as Answer);
      }
    };
    await withBrokenAudit(stack, () => Promise.all(Array.from({ length: concurrency }, trySome)));
    for (const door of doors) expect((await door()).status).toBe(200);
  });

  it('says that it is not ready, and is ready again by itself', async () => {
    await withBrokenAudit(stack, async () => {
      expect((await stack.broker('GET', '/readyz')).status).toBe(503);
      expect((await stack.gateway('GET', '/v1/health')).body).toMatchObject({ broker: 'unavailable' });
    });
    await waitFor('the Broker is ready again', async () =>
      (await stack.broker('GET', '/readyz')).status === 200 ? true : null,
    );
  });

  it('discloses while nothing can be sealed, tells how far sealing is behind, and seals it all by itself', async () => {
    const sealing = async () => (await stack.broker('GET', '/admin/v1/status')).body.sealing;
    const countUnsealed = async () =>
      Number(
        (
          await runSql(
            stack,
            'select count(*) as n from audit_event where id not in (select event_id from audit_chain)',
          )
        )[0]?.['n'],
      );
    const before = (await sealing()).sealed;
    await withBrokenSealing(stack, async () => {
      for (let i = 0; i < 20; i++) {
        const answer = await stack.gateway('GET', `/v1/token/${staticId}`);
        expect(answer.status).toBe(200);
        expect(JSON.stringify(answer.body)).toContain(secrets.at(-1));
      }
      await waitFor('the lag shows', async () => ((await sealing()).lag_seconds >= 1 ? true : null));
      expect((await stack.broker('GET', '/readyz')).status).toBe(200);
      // Whoever reads the oldest first gets what is sealed.
      const page = await stack.broker('GET', '/audit?order=asc&limit=500');
      expect(page.body.events.length).toBeGreaterThan(0);
      expect(page.body.events.filter((event: { seq: number | null }) => event.seq === null)).toEqual([]);
      expect(await countUnsealed()).toBeGreaterThanOrEqual(20);
    });
    await waitFor('everything is sealed', async () => ((await countUnsealed()) === 0 ? true : null));
    expect((await sealing()).sealed).toBeGreaterThanOrEqual(before + 20);
  });

  it('R16: answers no refreshed token, and keeps the one the provider has issued until it can be stored', async () => {
    await forgetLastRefresh(stack, connected.connection_ref);
    const before = provider.tokenRequests().token['refresh_token'] ?? 0;
    await withBrokenAudit(stack, async () => {
      expectWithheld(await stack.gateway('POST', `/v1/refresh/${connected.connection_id}`));
    });
    expect(provider.tokenRequests().token['refresh_token']).toBe(before + 1);
    // The provider ends the whole grant when a refresh token is used twice: a second call would show here.
    await waitFor('the renewed credential is stored', async () => {
      const [row] = await runSql(stack, 'select version from connection where connection_ref = ?', [
        connected.connection_ref,
      ]);
      return Number(row?.['version']) > 1 ? true : null;
    });
    await forgetLastRefresh(stack, connected.connection_ref);
    await stack.gateway('POST', `/v1/refresh/${connected.connection_id}`);
    const token = await stack.gateway('GET', `/v1/token/${connected.connection_id}`);
    expect(token.status).toBe(200);
    expect(await provider.isTokenActive(token.body.credentials.access_token)).toBe(true);
  });

  it('changes nothing: what cannot be recorded is rolled back', async () => {
    const verifier = 'v'.repeat(43);
    const challenge = createHash('sha256').update(verifier).digest('base64url');
    const bound = await request('acme', { completion_challenge: challenge });
    const returned = await new Person(stack.gatewayUrl).connect(bound.auth_url, provider, 'bob');
    const handle = new URL(returned.location).searchParams.get('handle');
    const pending = await request('static');
    const open = await request('acme');
    const person = new Person(stack.gatewayUrl);
    const callback = await person.consent((await request('acme')).auth_url, provider, 'cleo');
    const changes: readonly (() => Promise<{ readonly status: number }>)[] = [
      () => stack.gateway('POST', '/v1/complete-connection', { body: { handle, code_verifier: verifier } }),
      () =>
        stack.gateway('POST', '/v1/capture-credential', {
          body: { state: pending.state, credentials: { api_key: 'another-secret-of-this-test' } },
        }),
      () => stack.gateway('DELETE', `/v1/connections/${staticId}`, { key: appKey }),
      () =>
        stack.gateway('POST', '/v1/request-connection', {
          key: appKey,
          body: { workspace_id: 'workspace-2', provider_name: 'acme', return_url: returnUrl },
        }),
      () => new Person(stack.gatewayUrl).press(open.auth_url),
      () => stack.broker('POST', '/admin/v1/keys', { body: { name: 'other', role: 'app' } }),
      () => stack.broker('POST', '/admin/v1/providers', { body: { name: 'other', auth_type: 'api_key' } }),
      () =>
        stack.broker('POST', '/admin/v1/return-origins', {
          body: { origin: 'https://app.example', app_name: 'App', completion: 'confirm' },
        }),
    ];
    const before = await snapshot(stack);
    await withBrokenAudit(stack, async () => {
      for (const change of changes) expect((await change()).status).toBeGreaterThanOrEqual(500);
      expect(await snapshot(stack)).toEqual(before);
      expect((await person.open(callback)).status).toBeGreaterThanOrEqual(500);
    });
    const rows = await runSql(stack, 'select count(*) as n from connection where status = ?', ['active']);
    expect(Number(rows[0]?.['n'])).toBe(2);
    // The same steps go through once they can be recorded.
    for (const change of changes) expect((await change()).status).toBeLessThan(400);
  });
});

/** Every row of every table but the log, without the time a key was last used. */
async function snapshot(stack: Stack): Promise<unknown> {
  const tables = {
    connection: 'select * from connection order by connection_ref',
    flow: 'select * from flow order by flow_id',
    provider: 'select * from provider order by provider_id',
    api_key: 'select key_id, key_hash, revoked_at from api_key order by key_id',
    return_origin: 'select * from return_origin order by return_origin_id',
  };
  return Object.fromEntries(
    await Promise.all(Object.entries(tables).map(async ([name, query]) => [name, await runSql(stack, query)])),
  );
}

describe('the trigger that breaks the audit log', () => {
  it('lets nothing through, so that the tests above can fail', async () => {
    const stack = await startStack({ engine: 'sqlite' });
    try {
      const count = async () => (await runSql(stack, 'select count(*) as n from audit_event'))[0]?.['n'];
      const before = await count();
      await withBrokenAudit(stack, () => requestConnection(stack, { provider_name: 'none' }).catch(() => undefined));
      await withBrokenAudit(stack, () => stack.broker('POST', '/admin/v1/keys', { body: { name: 'x', role: 'app' } }));
      expect(await count()).toBe(before);
    } finally {
      await stack.close();
    }
  });
});
