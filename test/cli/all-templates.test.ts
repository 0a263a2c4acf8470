import { listTemplates } from '@nexus/catalogue/templates';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ManifestWorld, startManifestWorld } from './manifest-world.js';
import { describeClient } from './template-client.js';

let world: ManifestWorld;
beforeAll(async () => {
  world = await startManifestWorld();
});
afterAll(() => world?.close());

it('applies a manifest of every template to an empty Broker, and then has nothing to do', async () => {
  const templates = listTemplates();
  const providers = templates.map((template) => ({ template: template.name, ...describeClient(template) }));
  const file = await world.write('all.yaml', JSON.stringify({ providers }));
  const applied = await world.run('apply', '-f', file, '--auto-approve');
  expect(applied.stderr).toBe('');
  expect(applied.stdout).toContain(`${templates.length} done.`);
  const planned = await world.run('plan', '-f', file, '--detailed-exitcode');
  expect(planned).toMatchObject({ code: 0, stdout: expect.stringContaining('Nothing to do') });
  const exported = await world.run('export', '--only', 'providers', '--out', world.at('exported.yaml'));
  expect(exported.code).toBe(0);
  const variables = Object.fromEntries(
    providers.map(({ template }) => [variableOf(template), 'fixture-client-secret']),
  );
  const again = await world.runWith(variables, 'plan', '-f', world.at('exported.yaml'), '--detailed-exitcode');
  expect(again).toMatchObject({ code: 0, stderr: '' });
});

function variableOf(name: string): string {
  return `${name.toUpperCase().replaceAll('-', '_')}_CLIENT_SECRET`;
}
