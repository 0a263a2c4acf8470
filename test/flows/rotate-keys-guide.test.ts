import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readRepositoryFile, root } from '../repository.js';
import { registerStaticProvider, requestConnection } from '../support/fixtures.js';
import { GuideShell } from '../support/guide-shell.js';
import { expectShown, readSteps } from '../support/guide-text.js';
import { type Stack, startStack } from '../support/stack.js';

let stack: Stack;
let connectionId: string;

beforeAll(async () => {
  stack = await startStack({ engine: 'sqlite' });
  await registerStaticProvider(stack);
  const { connection_id, state } = await requestConnection(stack, { provider_name: 'acme-key' });
  await stack.gateway('POST', '/v1/capture-credential', { body: { state, credentials: { api_key: 'fixture-key' } } });
  connectionId = connection_id;
});
afterAll(() => stack?.close());

/** What the guide tells its reader to replace; compiling is left out, others run what is compiled. */
function readGuide(): string {
  return readRepositoryFile('docs/operations/rotate-keys.md')
    .replaceAll('npm run -s nexus-cli --', 'node nexus-cli/bin/nexus-cli.mjs')
    .replaceAll('http://127.0.0.1:8080', stack.brokerUrl)
    .replaceAll('data/admin.key', join(stack.dataDir, 'admin.key'))
    .replaceAll('data/kek.key', join(stack.dataDir, 'kek.key'));
}

async function runGuide(): Promise<void> {
  const shell = new GuideShell(root);
  try {
    const steps = readSteps(readGuide());
    expect(steps.length).toBeGreaterThan(10);
    for (const { command, shown } of steps) {
      const printed = await shell.run(command);
      if (shown === null) expect(printed.trim()).toBe('');
      else expectShown(printed, shown);
    }
  } finally {
    await shell.close();
  }
}

it('rotate-keys.md runs as written, and once more, while a credential stays what it was', async () => {
  for (let round = 0; round < 2; round++) {
    await runGuide();
    const answer = await stack.gateway('GET', `/v1/token/${connectionId}`);
    expect(answer.body.credentials).toEqual({ api_key: 'fixture-key' });
  }
  await stack.stopBroker('SIGTERM');
  await stack.startBroker();
  const answer = await stack.gateway('GET', `/v1/token/${connectionId}`);
  expect(answer.body.credentials).toEqual({ api_key: 'fixture-key' });
}, 240_000);
