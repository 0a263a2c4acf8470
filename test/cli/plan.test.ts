import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requestConnection } from '../support/fixtures.js';
import { connectStatically, registerForConnections } from '../support/static-connections.js';
import { type ManifestWorld, startManifestWorld } from './manifest-world.js';

let world: ManifestWorld;
beforeAll(async () => {
  world = await startManifestWorld();
  const first = await world.write(
    'first.yaml',
    'providers:\n  - { template: openai }\n  - { name: acme, auth_type: api_key }\nagents:\n' +
      ['clerk', 'asleep', 'asked'].map((id) => `  - { agent_id: ${id}, allowed_scopes: [a] }\n`).join(''),
  );
  expect((await world.run('apply', '-f', first, '--auto-approve')).code).toBe(0);
});
afterAll(() => world?.close());

const text = (path: string) => readFile(path, 'utf8');

async function plan(...args: readonly string[]) {
  const { code, stdout, stderr } = await world.run('plan', '--json', ...args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const { changes, untouched } = JSON.parse(stdout);
  return { changes, untouched };
}

describe('--prune', () => {
  it('takes away what the manifest does not have, of the sections it has only', async () => {
    const file = await world.write('agents.yaml', 'agents:\n  - { agent_id: clerk, allowed_scopes: [] }\n');
    const { changes, untouched } = await plan('-f', file);
    expect(changes.map(({ address }: { address: string }) => address)).toEqual(['agents/clerk']);
    expect(untouched.map(({ address }: { address: string }) => address)).toEqual(
      expect.arrayContaining(['agents/asleep', 'agents/asked']),
    );
    const pruned = await plan('-f', file, '--prune');
    expect(
      pruned.changes.slice(1).map(({ action, address }: { action: string; address: string }) => `${action} ${address}`),
    ).toEqual(['delete agents/asked', 'delete agents/asleep']);
    expect((await world.run('apply', '-f', file, '--prune', '--auto-approve')).code).toBe(0);
    expect((await world.read('/admin/v1/agents')).agents).toHaveLength(1);
    expect(await world.read('/admin/v1/providers')).toHaveLength(2);
  });

  it('says who is concerned, and ends live connections only by force', async () => {
    await registerForConnections(world.stack);
    await connectStatically(world.stack, 3);
    await world.stack.broker('PATCH', '/admin/v1/agents/clerk', {
      body: { allowed_providers: ['statically', 'acme'] },
    });
    const file = await world.write('none.yaml', 'providers:\n  - { template: openai }\n');
    const { changes } = await plan('-f', file, '--prune');
    const impact = { connections: 3, agents: ['clerk'], keys: 0, sessions: 0 };
    expect(changes).toMatchObject([
      { address: 'providers/acme', refused: null, impact: { connections: 0, agents: ['clerk'] } },
      { address: 'providers/statically', impact, refused: '3 live connections would end; --force ends them' },
    ]);
    const refused = await world.run('apply', '-f', file, '--prune', '--auto-approve');
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('nothing was applied') });
    expect(await world.read('/admin/v1/providers')).toHaveLength(3);
    expect((await world.run('apply', '-f', file, '--prune', '--force', '--auto-approve')).code).toBe(0);
    expect(await world.read('/admin/v1/providers')).toHaveLength(1);
  });
});

describe('plan', () => {
  it('says which connections stay behind when a provider moves to another origin', async () => {
    const oauth = (host: string) =>
      `providers:\n  - { name: moved, auth_type: oauth2, client_id: c, client_secret: fixture-secret, auth_url: "https://${host}/a", token_url: "https://${host}/t" }\n`;
    const file = await world.write('moved.yaml', oauth('a.example'));
    await world.run('apply', '-f', file, '--auto-approve');
    await requestConnection(world.stack, { provider_name: 'moved' });
    await world.write('moved.yaml', oauth('b.example'));
    const [change] = (await plan('-f', file)).changes;
    expect(change).toMatchObject({
      action: 'update',
      refused: null,
      impact: { connections: 0, pending: 1 },
      notes: [expect.stringContaining('rebind')],
    });
    await world.write('moved.yaml', oauth('a.example').replace('/t"', '/u"'));
    expect((await plan('-f', file)).changes).toMatchObject([{ action: 'update', impact: null, notes: [] }]);
  });

  it('exits so that a failure is told from changes', async () => {
    const file = await world.write('exit.yaml', 'agents:\n  - { agent_id: wanted, allowed_scopes: [] }\n');
    const exitCode = async (env: Readonly<Record<string, string>>, ...args: readonly string[]) =>
      (await world.runWith(env, 'plan', '-f', file, ...args)).code;
    expect(await exitCode({})).toBe(0);
    expect(await exitCode({}, '--detailed-exitcode')).toBe(2);
    const away = { NEXUS_BROKER_URL: 'http://127.0.0.1:9' };
    expect(await exitCode(away)).toBe(3);
    expect(await exitCode(away, '--detailed-exitcode')).toBe(1);
    expect(await exitCode({}, '--detailed-exitcode', '--no-such')).toBe(1);
  });

  it('has for what a manifest leaves out the default that the Broker has for it', async () => {
    const bodies = {
      agents: { agent_id: 'bare', allowed_scopes: [] },
      return_origins: { origin: 'https://bare.example', app_name: 'Bare', completion: 'confirm' },
      issuers: { issuer: 'https://bare.example', jwks_uri: 'https://bare.example/keys', audience: 'a' },
      webhooks: { url: 'https://bare.example/hook', events: ['connection.active'] },
      keys: { name: 'bare', role: 'app' },
    };
    for (const [section, body] of Object.entries(bodies)) {
      const path = `/admin/v1/${section.replaceAll('_', '-')}`;
      const { status, body: answer } = await world.stack.broker('POST', path, { body });
      expect(status, JSON.stringify(answer)).toBe(201);
    }
    const sink = { write_to: { command: ['true'] } };
    const manifest = {
      agents: [bodies.agents],
      return_origins: [bodies.return_origins],
      issuers: [bodies.issuers],
      webhooks: [{ ...bodies.webhooks, ...sink }],
      keys: [{ ...bodies.keys, ...sink }],
    };
    const file = await world.write('bare.yaml', JSON.stringify(manifest));
    expect((await plan('-f', file)).changes).toEqual([]);
  });
});

describe('a plan file', () => {
  const agent = (scopes: string) => `agents:\n  - { agent_id: planned, allowed_scopes: [${scopes}] }\n`;

  it('is carried out as it was shown, holds no secret, and only while all is as it was', async () => {
    const file = await world.write(
      'plan.yaml',
      `${agent('a')}providers:\n  - { name: p, auth_type: oauth2, client_id: c, client_secret: fixture-secret, auth_url: "https://a.example/a", token_url: "https://a.example/t" }\n`,
    );
    const out = world.at('plan.json');
    expect((await world.run('plan', '-f', file, '--out', out)).code).toBe(0);
    expect(await text(out)).not.toContain('fixture-secret');
    await writeFile(file, (await text(file)).replace('fixture-secret', 'fixture-other'));
    const moved = await world.run('apply', out, '--auto-approve');
    expect(moved).toMatchObject({ code: 1, stderr: expect.stringContaining('the manifest has changed') });
    await writeFile(file, (await text(file)).replace('fixture-other', 'fixture-secret'));
    expect(await world.run('apply', out, '--auto-approve')).toMatchObject({ code: 0, stderr: '' });
    const again = await world.run('apply', out, '--auto-approve');
    expect(again).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/changed at the Broker .*: agents\/planned, providers\/p\n/),
    });
  });

  it('is refused once somebody else changed what it changes, or for another Broker', async () => {
    const file = await world.write('plan.yaml', agent('b'));
    const out = world.at('plan.json');
    await world.run('plan', '-f', file, '--out', out);
    await world.stack.broker('PATCH', '/admin/v1/agents/planned', { body: { description: 'changed' } });
    const late = await world.run('apply', out, '--auto-approve');
    expect(late).toMatchObject({ code: 1, stderr: expect.stringContaining('since the plan was made: agents/planned') });
    await writeFile(out, (await text(out)).replace(world.stack.brokerUrl, 'https://elsewhere.example'));
    const elsewhere = await world.run('apply', out, '--auto-approve');
    expect(elsewhere).toMatchObject({ code: 1, stderr: expect.stringContaining('https://elsewhere.example') });
    const nonsense = await world.write('nonsense.json', '{}');
    expect((await world.run('apply', nonsense, '--auto-approve')).code).toBe(3);
    const saved = JSON.parse(await text(out));
    for (const damage of [{ manifest: {} }, { files: 'plan.yaml' }, { live: null }, { changes: [{}] }]) {
      const damaged = await world.write('damaged.json', JSON.stringify({ ...saved, ...damage }));
      const refused = await world.run('apply', damaged, '--auto-approve');
      expect(refused).toMatchObject({ code: 3, stderr: expect.stringContaining('is not a plan') });
    }
    expect((await world.run('apply', out, '--prune')).code).toBe(2);
  });
});
