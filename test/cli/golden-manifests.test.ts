import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { connectStatically, registerForConnections } from '../support/static-connections.js';
import { expectGolden } from './golden.js';
import { type ManifestWorld, startManifestWorld } from './manifest-world.js';

const manifest = `providers:
  - { template: github, client_id: nexus, client_secret: fixture-secret, scopes: ["read:user"] }
  - name: acme
    display_name: Acme
    auth_type: oauth2
    auth_url: https://login.acme.example/authorize
    token_url: https://login.acme.example/token
    client_id: nexus
    client_secret: fixture-secret
    scopes: [email, profile, offline_access, contacts.read, contacts.write, calendar.read, calendar.write]
agents:
  - agent_id: clerk
    allowed_scopes: [email]
    allowed_providers: [acme]
    keys:
      - { name: first, write_to: { file: clerk.key } }
return_origins:
  - { origin: https://app.example, app_name: App, completion: bound, path_prefix: /return }
`;

const wrong = `providers:
  - { template: github, client_id: "\${NEXUS_TEST_UNSET}", colour: red }
  - { name: acme, scopes: openid, client_secret: "\${file:missing}" }
agents:
  - { agent_id: clerk, allowed_scopes: [] }
  - { agent_id: clerk, allowed_scopes: [] }
`;

let world: ManifestWorld;
let file: string;
let masks: readonly (readonly [RegExp, string])[];

beforeAll(async () => {
  world = await startManifestWorld();
  file = await world.write('nexus.yaml', manifest);
  masks = [[new RegExp(world.folder, 'g'), 'FOLDER']];
});
afterAll(() => world?.close());

const expectShown = (name: string, args: readonly string[] | (() => Promise<readonly string[]>), input = '') =>
  expectGolden(name, { args, env: world.env, masks, input });
const applied = (...more: readonly string[]) => world.run('apply', '-f', file, '--auto-approve', ...more);

describe('what nexus-cli shows of manifests', () => {
  it('validates', async () => {
    await expectShown('validate', ['validate', '-f', file]);
    await expectShown('validate-problems', ['validate', '-f', await world.write('wrong.yaml', wrong)]);
  });

  it('plans, applies and finds nothing to do', async () => {
    await expectShown('plan', ['plan', '-f', file]);
    await expectShown('apply-unasked', ['apply', '-f', file], 'no\n');
    await expectShown('apply', async () => {
      await world.run(
        'apply',
        '-f',
        await world.write('none.yaml', 'providers: []\nagents: []\nreturn_origins: []\n'),
        '--prune',
        '--auto-approve',
      );
      await rm(world.at('clerk.key'), { force: true });
      return ['apply', '-f', file, '--auto-approve'];
    });
    await expectShown('plan-nothing', ['plan', '-f', file]);
  });

  it('shows what differs, why, and who is concerned', async () => {
    await applied();
    await registerForConnections(world.stack);
    await connectStatically(world.stack, 2);
    const { id } = (await world.read('/admin/v1/providers')).find(({ name }: { name: string }) => name === 'acme');
    const body = { scopes: ['email'], client_secret: 'fixture-other', refresh: { rotation: 'always' } };
    await world.stack.broker('PATCH', `/admin/v1/providers/${id}`, { body });
    await world.stack.broker('PATCH', '/admin/v1/agents/clerk', { body: { allowed_providers: ['statically'] } });
    await world.write('changed.yaml', manifest.replace('app_name: App', 'app_name: Another'));
    await expectShown('plan-changes', ['plan', '-f', world.at('changed.yaml'), '--prune']);
    await expectShown('diff', ['diff', '-f', world.at('changed.yaml')]);
    await expectShown('apply-refused', ['apply', '-f', world.at('changed.yaml'), '--prune', '--auto-approve']);
  });

  it('exports, and imports what it exported', async () => {
    await expectShown('export', ['export', '--only', 'agents', '--only', 'providers', '--only', 'return_origins']);
    const exported = world.at('exported.yaml');
    await world.run('export', '--only', 'providers', '--out', exported);
    await expectShown('import', ['import', '-f', exported], 'fixture-secret\nfixture-secret\n');
  });
});
