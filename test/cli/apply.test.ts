// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references as manifests hold them
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runOnScreen } from './golden.js';
import { type ManifestWorld, startManifestWorld } from './manifest-world.js';

let world: ManifestWorld;
beforeAll(async () => {
  world = await startManifestWorld();
});
afterAll(() => world?.close());

const whole = `
return_origins:
  - { origin: https://app.example, app_name: App, completion: bound, path_prefix: /return }
issuers:
  - { issuer: https://login.example, audience: nexus, jwks_uri: https://login.example/keys }
providers:
  - { template: openai }
  - name: acme
    auth_type: oauth2
    auth_url: https://acme.example/authorize
    token_url: https://acme.example/token
    client_id: nexus
    client_secret: fixture-\${SUFFIX}
    scopes: [read, write]
    refresh: { rotation: always }
agents:
  - agent_id: clerk
    allowed_scopes: [read]
    allowed_providers: [acme]
    keys:
      - { name: first, write_to: { file: secrets/clerk } }
  - { agent_id: asleep, allowed_scopes: [], active: false }
keys:
  - { name: ci, role: operator, expires_at: 2099-01-01T00:00:00+01:00, write_to: { command: [sh, -c, cat > ci.key] } }
webhooks:
  - { url: https://app.example/hooks, events: [connection.revoked, connection.active], write_to: { file: secrets/hook } }
`;

const text = (path: string) => readFile(path, 'utf8');

async function plan(...args: readonly string[]) {
  const { code, stdout, stderr } = await world.run('plan', '--json', ...args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const { changes, untouched } = JSON.parse(stdout);
  return { changes, untouched };
}

const wholeText = whole.replace('${SUFFIX}', 'client-secret');

describe('apply', () => {
  it('makes the Broker have what the manifest says, and then finds nothing to do', async () => {
    const file = await world.write('whole.yaml', wholeText);
    const applied = await world.run('apply', '-f', file, '--auto-approve');
    expect(applied).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('9 done.') });
    expect(applied.stdout).not.toContain('fixture-client-secret');
    expect((await plan('-f', file)).changes).toEqual([]);
    const [openai, acme] = (await world.read('/admin/v1/providers')).sort((a: { name: string }) =>
      a.name === 'acme' ? 1 : -1,
    );
    expect(openai).toMatchObject({ name: 'openai', template: { name: 'openai', overrides: [] } });
    expect(acme).toMatchObject({ client_secret_set: true, scopes: ['read', 'write'], refresh: { rotation: 'always' } });
    expect((await world.read('/admin/v1/agents/asleep')).active).toBe(false);
  });

  it('leaves each secret in its place only, where only its owner reads it, and it works', async () => {
    const [clerk, ci, hook] = await Promise.all(
      ['secrets/clerk', 'ci.key', 'secrets/hook'].map((name) => text(world.at(name))),
    );
    expect((await stat(world.at('secrets/clerk'))).mode & 0o777).toBe(0o600);
    expect([clerk, ci, hook]).toEqual([
      expect.stringMatching(/^nxk_\w{49}\n$/),
      expect.stringMatching(/^nxa_\w{49}\n$/),
      expect.stringMatching(/^whsec_\S+\n$/),
    ]);
    const answer = await world.stack.broker('GET', '/admin/v1/providers', { key: ci?.trim() ?? '' });
    expect(answer.status).toBe(200);
    const { keys } = await world.read('/admin/v1/keys');
    const found = keys.find(({ name }: { name: string }) => name === 'ci');
    expect(found).toMatchObject({ role: 'operator', expires_at: '2098-12-31T23:00:00.000Z' });
  });

  it('shows drift, and puts it back', async () => {
    const { id } = (await world.read('/admin/v1/providers')).find(({ name }: { name: string }) => name === 'acme');
    const body = { scopes: ['read', 'write', 'admin'], client_secret: 'fixture-other' };
    await world.stack.broker('PATCH', `/admin/v1/providers/${id}`, { body });
    await world.stack.broker('PATCH', '/admin/v1/agents/clerk', { body: { allowed_providers: null } });
    const { changes } = await plan('-f', world.at('whole.yaml'));
    expect(changes).toMatchObject([
      {
        address: 'providers/acme',
        action: 'update',
        fields: [
          { path: 'scopes', before: ['read', 'write', 'admin'], after: ['read', 'write'] },
          { path: 'client_secret', secret: true },
        ],
      },
      { address: 'agents/clerk', fields: [{ path: 'allowed_providers', before: null, after: ['acme'] }] },
    ]);
    const detailed = ['plan', '-f', world.at('whole.yaml'), '--detailed-exitcode'];
    expect((await world.run(...detailed)).code).toBe(2);
    expect((await world.run('apply', '-f', world.at('whole.yaml'), '--auto-approve')).code).toBe(0);
    expect((await world.run(...detailed)).code).toBe(0);
  });

  it('notices what was removed from the manifest, and gives it its default back', async () => {
    const less = wholeText
      .replace('    refresh: { rotation: always }\n', '')
      .replace('    allowed_providers: [acme]\n', '');
    const file = await world.write('less.yaml', less);
    const { changes } = await plan('-f', file);
    expect(changes.map(({ address, fields }: { address: string; fields: object[] }) => [address, fields])).toEqual([
      ['providers/acme', [{ path: 'refresh.rotation', before: 'always', after: null }]],
      ['agents/clerk', [{ path: 'allowed_providers', before: ['acme'], after: null }]],
    ]);
    const unnamed = wholeText.replace('    client_secret: fixture-client-secret\n', '');
    const [{ notes }] = (await plan('-f', await world.write('unnamed.yaml', unnamed))).changes;
    expect(notes).toEqual([expect.stringContaining('the manifest names none')]);
    const without = await world.write('none.yaml', wholeText.replace('fixture-client-secret', 'null'));
    const [provider] = (await plan('-f', without)).changes;
    expect(provider.fields.map(({ path }: { path: string }) => path)).toEqual([
      'token_endpoint_auth_method',
      'client_secret',
    ]);
  });

  it('replaces a key whose role is another, and keeps nothing of the old one', async () => {
    const before = await text(world.at('ci.key'));
    const file = await world.write('whole.yaml', wholeText.replace('role: operator', 'role: auditor'));
    expect((await plan('-f', file)).changes).toMatchObject([
      { address: 'keys/ci', action: 'replace', fields: [{ path: 'role', before: 'operator', after: 'auditor' }] },
    ]);
    expect((await world.run('apply', '-f', file, '--auto-approve')).code).toBe(0);
    expect(await text(world.at('ci.key'))).toMatch(/^nxu_/);
    expect((await world.stack.broker('GET', '/admin/v1/providers', { key: before.trim() })).status).toBe(401);
    await world.write('whole.yaml', wholeText);
    expect((await world.run('apply', '-f', file, '--auto-approve')).code).toBe(0);
  });

  it('leaves a key alone whose file is somewhere else, and makes another one when told to', async () => {
    const path = world.at('secrets/clerk');
    const lost = (await text(path)).trim();
    await rm(path);
    const { changes, untouched } = await plan('-f', world.at('whole.yaml'));
    const address = 'agents/clerk/keys/first';
    expect({ changes, untouched }).toMatchObject({
      changes: [],
      untouched: [{ address, note: expect.stringContaining(`--rotate ${address}`) }],
    });
    const rotate = ['--rotate', address];
    const [change] = (await plan('-f', world.at('whole.yaml'), ...rotate)).changes;
    expect(change).toMatchObject({ address, action: 'replace', fields: [] });
    expect(
      (await plan('-f', world.at('whole.yaml'), '--rotate', 'webhooks/https://app.example/hooks')).changes,
    ).toEqual([expect.objectContaining({ action: 'update', fields: [{ path: 'secret', secret: true }] })]);
    expect((await world.run('plan', '-f', world.at('whole.yaml'), '--rotate', 'agents/clerk')).code).toBe(2);
    expect((await world.run('apply', '-f', world.at('whole.yaml'), '--auto-approve', ...rotate)).code).toBe(0);
    const made = (await text(path)).trim();
    const { keys } = await world.read('/admin/v1/agents/clerk/keys');
    const live = keys.filter((key: { revoked_at: string | null }) => key.revoked_at === null);
    expect(live.map((key: { last_four: string }) => key.last_four)).toEqual([made.slice(-4)]);
    expect(made).not.toBe(lost);
  });

  it('refuses to write over what is not the key, before anything is done', async () => {
    await world.write('mine', 'precious\n');
    const manifest =
      'agents:\n  - { agent_id: new, allowed_scopes: [] }\nkeys:\n  - { name: k, role: app, write_to: { file: mine } }\n';
    const file = await world.write('mine.yaml', manifest);
    const applied = await world.run('apply', '-f', file, '--auto-approve');
    expect(applied).toMatchObject({ code: 1, stderr: expect.stringContaining('keys/k: mine exists already') });
    expect(await text(world.at('mine'))).toBe('precious\n');
    expect((await world.stack.broker('GET', '/admin/v1/agents/new')).status).toBe(404);
  });

  it('goes on past what fails, leaves out what needs it, and says so', async () => {
    const file = await world.write(
      'failing.yaml',
      `issuers:
  - { issuer: https://other.example, audience: a, jwks_uri: http://10.0.0.1/keys }
agents:
  - { agent_id: bulky, allowed_scopes: [], metadata: { a: "${'x'.repeat(5_000)}" }, keys: [{ name: k, write_to: { file: bulky } }] }
  - { agent_id: fine, allowed_scopes: [] }
`,
    );
    const { code, stdout } = await world.run('apply', '-f', file, '--auto-approve', '--json');
    const { summary, items } = JSON.parse(stdout);
    expect({ code, summary }).toEqual({ code: 1, summary: { done: 1, failed: 2, skipped: 1, left: 0 } });
    expect(items.map(({ address, outcome }: { address: string; outcome: string }) => `${outcome} ${address}`)).toEqual([
      'failed issuers/https://other.example',
      'failed agents/bulky',
      'done agents/fine',
      'skipped agents/bulky/keys/k',
    ]);
    await world.stack.broker('DELETE', '/admin/v1/agents/fine');
  });

  it('shows all that the Broker has against providers, each at its place', async () => {
    const file = await world.write(
      'wrong.yaml',
      'providers:\n  - { template: gogle }\n  - name: two\n    auth_type: oauth2\n    client_id: x\n    params: { state: y }\n  - { name: three, auth_type: api_key, scopes: [a], pkce: required }\n',
    );
    const { code, stderr } = await world.run('plan', '-f', file);
    expect(code).toBe(1);
    const told = stderr.replaceAll(`${world.folder}/`, '').split('\n').slice(1, -1);
    expect(told.map((line) => line.trim().slice(0, 32))).toEqual([
      'wrong.yaml:2:17: gogle: template',
      expect.stringMatching(/^wrong\.yaml:3:5: two: /),
      expect.stringMatching(/^wrong\.yaml:7:/),
    ]);
  });

  it('asks where somebody can answer, and wants to be told elsewhere', async () => {
    const file = await world.write('one.yaml', 'agents:\n  - { agent_id: asked, allowed_scopes: [] }\n');
    const piped = await world.run('apply', '-f', file);
    expect(piped).toMatchObject({ code: 2, stderr: expect.stringContaining('--auto-approve') });
    const answer = (input: string) => runOnScreen(80, { args: ['apply', '-f', file], env: world.env, input });
    expect(await answer('y\n')).toMatchObject({ code: 1, stderr: expect.stringContaining('nothing was applied') });
    expect((await world.stack.broker('GET', '/admin/v1/agents/asked')).status).toBe(404);
    expect(await answer('yes\n')).toMatchObject({ code: 0 });
    expect((await world.stack.broker('GET', '/admin/v1/agents/asked')).status).toBe(200);
  });

  it('deactivates, replaces and rotates as a manifest changes', async () => {
    const changed = wholeText
      .replace('app_name: App', 'app_name: Another')
      .replace('audience: nexus', 'audience: other')
      .replace('allowed_scopes: [read]', 'active: false, allowed_scopes: [read]'.split(', ').join('\n    '))
      .replace(', connection.active]', ']');
    const file = await world.write('changed.yaml', changed);
    const { changes } = await plan('-f', file);
    expect(changes.map(({ action, address }: { action: string; address: string }) => `${action} ${address}`)).toEqual([
      'replace return_origins/https://app.example/return',
      'replace issuers/https://login.example',
      'update agents/clerk',
      'update webhooks/https://app.example/hooks',
    ]);
    expect((await world.run('apply', '-f', file, '--auto-approve')).code).toBe(0);
    expect((await plan('-f', file)).changes).toEqual([]);
  });

  it('takes a key away that the manifest says is revoked, but never the one it works with', async () => {
    const revoke = (name: string) => `keys:\n  - { name: ${name}, revoked: true }\n`;
    const file = await world.write('revoked.yaml', revoke('ci'));
    expect((await world.run('apply', '-f', file, '--auto-approve')).stdout).toContain('- keys/ci  deleted');
    expect((await plan('-f', file)).changes).toEqual([]);
    await writeFile(file, revoke('first admin key'));
    const own = await world.run('apply', '-f', file, '--auto-approve');
    expect(own).toMatchObject({ code: 1, stderr: expect.stringContaining('nexus-cli itself uses this key') });
  });
});
