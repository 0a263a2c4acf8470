/** nexus-cli whose standard output nobody takes: no change is cut short, and no secret is made that nobody holds. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Stack, startStack } from '../support/stack.js';

let stack: Stack;
let folder: string;
beforeAll(async () => {
  stack = await startStack({ engine: 'sqlite' });
  folder = await mkdtemp(join(tmpdir(), 'nexus-cli-'));
});
afterAll(async () => {
  await stack.close();
  await rm(folder, { recursive: true, force: true });
});

/** Its standard output goes to a pipe whose reader is gone, or to a device that has no room. */
async function runUnheard(output: 'closed' | 'full', ...args: readonly string[]) {
  const full = output === 'full' ? await open('/dev/full', 'w') : null;
  const child = spawn(process.execPath, ['nexus-cli/bin/nexus-cli.mjs', ...args], {
    env: {
      PATH: process.env['PATH'] ?? '',
      XDG_CONFIG_HOME: '/nonexistent',
      XDG_STATE_HOME: folder,
      NEXUS_BROKER_URL: stack.brokerUrl,
      NEXUS_API_KEY: stack.adminKey,
    },
    stdio: ['ignore', full?.fd ?? 'pipe', 'pipe'],
  });
  child.stdout?.destroy();
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [code] = await once(child, 'close');
  await full?.close();
  return { code: code as number | null, stderr };
}

const listAgents = async (): Promise<string[]> => {
  const { body } = await stack.broker('GET', '/admin/v1/agents');
  return body.agents.map(({ agent_id: id }: { agent_id: string }) => id);
};

it.each([
  ['closed', { code: 0, stderr: '' }],
  ['full', { code: 3, stderr: 'nexus-cli: standard output: ENOSPC\n' }],
] as const)('an apply goes on to its end without an output that is %s', async (output, expected) => {
  const ids = Array.from({ length: 8 }, (_, at) => `${output}-${at}`);
  const manifest = join(folder, `${output}.yaml`);
  await writeFile(manifest, `agents:\n${ids.map((id) => `  - { agent_id: ${id}, allowed_scopes: [] }\n`).join('')}`);
  expect(await runUnheard(output, 'apply', '-f', manifest, '--auto-approve')).toEqual(expected);
  expect(await listAgents()).toEqual(expect.arrayContaining(ids));
});

it('an apply that fails keeps its exit code', async () => {
  const manifest = join(folder, 'failing.yaml');
  const metadata = `{ a: "${'x'.repeat(5_000)}" }`;
  await writeFile(manifest, `agents:\n  - { agent_id: bulky, allowed_scopes: [], metadata: ${metadata} }\n`);
  expect(await runUnheard('closed', 'apply', '-f', manifest, '--auto-approve')).toMatchObject({ code: 1 });
});

it.each([
  ['closed', 'EPIPE'],
  ['full', 'ENOSPC'],
] as const)('a key is revoked whose output is %s', async (output, reason) => {
  expect(await runUnheard(output, 'keys', 'create', output, '--role', 'auditor', '--stdout')).toEqual({
    code: 3,
    stderr: `nexus-cli: standard output: ${reason}\n  what was made is deleted again\n`,
  });
  const { keys } = (await stack.broker('GET', '/admin/v1/keys')).body;
  expect(keys).toContainEqual(expect.objectContaining({ name: output, revoked_at: expect.any(String) }));
});

it.each([
  [['keys', 'list', '--json']],
  [['audit', 'query', '--all', '--json']],
  [['audit', 'export', '--to', '-']],
  [['audit', 'tail', '--follow']],
  [['status', '--watch']],
  [['--help']],
])('%j ends quietly with its reader, and says that there was no room', async (args) => {
  expect(await runUnheard('closed', ...args)).toEqual({ code: 0, stderr: '' });
  expect(await runUnheard('full', ...args)).toEqual({ code: 3, stderr: 'nexus-cli: standard output: ENOSPC\n' });
});
