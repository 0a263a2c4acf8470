// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references as manifests hold them
/** What apply never loses, never shows and never undoes. */
import { readdir, readFile } from 'node:fs/promises';
import { PassThrough } from 'node:stream';
import { main } from '@nexus/cli/main';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ManifestWorld, startManifestWorld } from './manifest-world.js';

let world: ManifestWorld;
beforeAll(async () => {
  world = await startManifestWorld();
});
afterAll(() => world?.close());

const apply = (file: string, ...more: readonly string[]) => world.run('apply', '-f', file, '--auto-approve', ...more);

describe('apply', () => {
  it.each([
    [
      'issuers',
      'issuers:\n  - { issuer: https://idp.example, audience: nexus, jwks_uri: https://idp.example/keys',
      ', algorithms: [HS256]',
    ],
    [
      'return_origins',
      'return_origins:\n  - { origin: https://app.example, path_prefix: /x, completion: bound, app_name: "App',
      '\u200b',
    ],
  ])(
    'puts back what it deleted of %s where the Broker refuses what was to take its place',
    async (section, good, more) => {
      const end = good.includes('"') ? '" }\n' : ' }\n';
      expect((await apply(await world.write('good.yaml', good + end))).code).toBe(0);
      const path = `/admin/v1/${section.replace('_', '-')}`;
      const strip = ({ id: _id, created_at: _at, ...fields }: Record<string, unknown>) => fields;
      const before = (await world.read(path))[section].map(strip);
      const applied = await apply(await world.write('bad.yaml', good + more + end));
      expect(applied).toMatchObject({
        code: 1,
        stdout: expect.stringContaining('what was there before is there again'),
      });
      expect((await world.read(path))[section].map(strip)).toEqual(before);
    },
  );

  it('shows nothing of what came from the environment or a file, nor what a header carries', async () => {
    await world.write('token', 'fixture-from-file');
    const file = await world.write(
      'secrets.yaml',
      `providers:
  - name: quiet
    auth_type: oauth2
    auth_url: https://quiet.example/a
    token_url: https://quiet.example/t
    client_id: x
    client_secret: "\${S}"
    description: "\${S}"
    token_request: { headers: { x-api-secret: "\${file:token}", x-plain: fixture-literal }, params: { app_secret: "\${S}" } }
`,
    );
    const out = world.at('secrets.json');
    const run = (...args: string[]) => world.runWith({ S: 'fixture-from-env' }, ...args);
    const planned = await run('plan', '-f', file, '--out', out);
    const json = await run('plan', '-f', file, '--json');
    const applied = await run('apply', '-f', file, '--auto-approve');
    expect(applied).toMatchObject({ code: 0, stderr: '' });
    expect(planned.stdout).toContain('(from ${S})');
    const again = await world.runWith({ S: 'fixture-again' }, 'plan', '-f', file, '--json');
    expect(JSON.parse(again.stdout).changes[0].fields).toContainEqual({
      path: 'description',
      secret: true,
      from: '${S}',
    });
    const shown = [planned, json, applied, again].map(({ stdout }) => stdout).join('') + (await readFile(out, 'utf8'));
    expect(shown).not.toMatch(/fixture-(from|again|literal)/);
  });

  it('forgets that it asked for a key which the Broker refused', async () => {
    const text = (id: string) =>
      `agents:\n  - { agent_id: a, allowed_scopes: [], keys: [{ name: "${id}", write_to: { command: ["true"] } }] }\n`;
    const file = await world.write('used.yaml', text('k'));
    expect((await apply(file)).code).toBe(0);
    const mark = '.state/nexus/undelivered';
    expect(await readdir(world.at(mark))).toEqual([]);
    const refused = await apply(await world.write('refused.yaml', text('\u200b')));
    expect(refused).toMatchObject({ code: 1, stdout: expect.stringContaining('failed: refused') });
    expect(await readdir(world.at(mark))).toEqual([]);
  });

  it('applies nothing to what somebody changed while it waited for an answer', async () => {
    const text = (description: string) =>
      `agents:\n  - { agent_id: waiting, allowed_scopes: [], description: "${description}" }\n`;
    await apply(await world.write('waiting.yaml', text('')));
    const file = await world.write('waiting.yaml', text('new'));
    const [stdin, stdout, stderr] = [0, 1, 2].map(() => Object.assign(new PassThrough(), { isTTY: true, columns: 80 }));
    let told = '';
    stderr?.setEncoding('utf8').on('data', async (piece: string) => {
      told += piece;
      if (!piece.includes('Only yes')) return;
      await world.stack.broker('PATCH', '/admin/v1/agents/waiting', { body: { active: false } });
      stdin?.end('yes\n');
    });
    stdout?.resume();
    if (stdin === undefined || stdout === undefined || stderr === undefined) throw new Error('There are three.');
    const code = await main({
      args: ['apply', '-f', file],
      env: { ...world.env, XDG_CONFIG_HOME: world.folder },
      stdin,
      stdout,
      stderr,
    });
    expect(code).toBe(1);
    expect(told).toContain('since the plan was made: agents/waiting');
    expect(await world.read('/admin/v1/agents/waiting')).toMatchObject({ active: false, description: '' });
  });

  it('does not undo what somebody changes while it works, and changes nothing that it did not show', async () => {
    const text = (events: string, keys = '') =>
      `webhooks:\n  - { url: "https://app.example/w", events: [${events}], write_to: { file: w } }\n${keys}`;
    expect((await apply(await world.write('hook.yaml', text('connection.active')))).code).toBe(0);
    const [{ id }] = (await world.read('/admin/v1/webhooks')).webhooks;
    const path = `/admin/v1/webhooks/${id}`;
    const patch = `curl -s -X PATCH ${world.stack.brokerUrl}${path} -H "X-API-Key: $ADMIN" -H "Content-Type: application/json" -d "{\\"active\\":false}"`;
    await world.write('patch.sh', `ADMIN=${world.stack.adminKey}\n${patch} > /dev/null\n`);
    const key = 'keys:\n  - { name: meanwhile, role: app, write_to: { command: [sh, patch.sh] } }\n';
    const file = await world.write('hook.yaml', text('connection.revoked', key));
    const moved = await apply(file);
    expect(moved).toMatchObject({ code: 1, stdout: expect.stringContaining('failed: somebody changed it') });
    expect(await world.read(path)).toMatchObject({ active: false, events: ['connection.active'] });
  });

  it('tells of the other items where one fails as nobody foresaw', async () => {
    const file = await world.write(
      'odd.yaml',
      'keys:\n  - { name: odd, role: app, write_to: { command: ["\\0"] } }\n  - { name: even, role: app, write_to: { file: even } }\n',
    );
    const applied = await apply(file);
    expect(applied).toMatchObject({
      code: 1,
      stderr: '',
      stdout: expect.stringMatching(/failed: .*\n.*created\n1 done, 1 failed\./),
    });
    const { keys } = await world.read('/admin/v1/keys');
    const odd = keys.filter(({ name }: { name: string }) => name === 'odd');
    expect(odd.map(({ revoked_at }: { revoked_at: string | null }) => revoked_at !== null)).toEqual([true]);
  });
});
