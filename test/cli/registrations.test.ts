import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Stack, startStack } from '../support/stack.js';
import { expectGolden, runOnScreen } from './golden.js';

let stack: Stack;
let folder: string;
let env: Record<string, string>;
let paths: readonly [RegExp, string];
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  stack = await startStack({ engine: 'sqlite' });
  folder = await mkdtemp(join(tmpdir(), 'nexus-cli-'));
  paths = [new RegExp(folder, 'g'), '/tmp'];
  env = { NEXUS_BROKER_URL: stack.brokerUrl, NEXUS_API_KEY: stack.adminKey };
});
afterAll(async () => {
  await stack.close();
  await rm(folder, { recursive: true, force: true });
});

async function list(group: string) {
  const { stdout } = await runOnScreen(null, { args: [group, 'list', '--json'], env });
  return JSON.parse(stdout)[group.replace('-', '_')];
}

/** Makes it again where it is not there, so that each screen has one to delete. */
async function deleteFirst(group: string, create: readonly string[]): Promise<readonly string[]> {
  if ((await list(group)).length === 0) await runOnScreen(null, { args: create, env });
  const [{ id }] = await list(group);
  return [group, 'delete', id, '--yes'];
}

async function createAnew(group: string, create: readonly string[]): Promise<readonly string[]> {
  for (const { id } of await list(group)) await runOnScreen(null, { args: [group, 'delete', id, '--yes'], env });
  return create;
}

it('return origins are created, listed and deleted', async () => {
  const create = ['return-origins', 'create', 'https://app.example.com', '--app-name', 'Example App'];
  const whole = [...create, '--completion', 'bound', '--path-prefix', '/done'];
  await expectGolden('return-origins-create', { args: () => createAnew('return-origins', whole), env });
  expect(await list('return-origins')).toMatchObject([{ completion: 'bound', path_prefix: '/done' }]);
  await expectGolden('return-origins-list', { args: ['return-origins', 'list'], env });
  await expectGolden('return-origins-delete', { args: () => deleteFirst('return-origins', whole), env });
  expect(await list('return-origins')).toEqual([]);
});

it('issuers are created from a file, listed and deleted', async () => {
  await writeFile(at('issuer.yaml'), 'issuer: https://login.example.com\naudience: nexus\n');
  const create = ['issuers', 'create', '-f', at('issuer.yaml')];
  await expectGolden('issuers-create', { args: () => createAnew('issuers', create), env, masks: [paths] });
  await expectGolden('issuers-list', { args: ['issuers', 'list'], env });
  await expectGolden('issuers-delete', { args: () => deleteFirst('issuers', create), env });
  expect(await list('issuers')).toEqual([]);
});

it('webhooks are created with a secret that goes to a file, listed and deleted', async () => {
  let made = 0;
  const create = () => {
    made += 1;
    const url = `https://app.example.com/hooks/${made}`;
    return ['webhooks', 'create', url, '--event', 'connection.attention', '--out', at(`hook-${made}.secret`)];
  };
  await expectGolden('webhooks-create', { args: async () => create(), env, masks: [paths] });
  expect(await readFile(at('hook-1.secret'), 'utf8')).toMatch(/^whsec_\S+\n$/);
  await expectGolden('webhooks-list', { args: ['webhooks', 'list'], env });
  await expectGolden('webhooks-delete', { args: () => deleteFirst('webhooks', create()), env });
});
