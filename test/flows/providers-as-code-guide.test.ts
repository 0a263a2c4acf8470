import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readRepositoryFile, root } from '../repository.js';
import { GuideShell } from '../support/guide-shell.js';
import { expectShown, readSteps } from '../support/guide-text.js';
import { type Stack, startStack } from '../support/stack.js';

let stack: Stack;
let folder: string;

beforeAll(async () => {
  stack = await startStack({ engine: 'sqlite' });
  folder = await mkdtemp(join(tmpdir(), 'nexus-guide-'));
});
afterAll(async () => {
  await stack?.close();
  await rm(folder, { recursive: true, force: true });
});

/** What the guide tells its reader to replace; it runs in a folder of its own, where the reader would be in the clone. */
function readGuide(): string {
  return readRepositoryFile('docs/guides/providers-as-code.md')
    .replaceAll('npm run -s nexus-cli --', `node ${join(root, 'nexus-cli/bin/nexus-cli.mjs')}`)
    .replaceAll('http://127.0.0.1:8080', stack.brokerUrl)
    .replaceAll('data/admin.key', join(stack.dataDir, 'admin.key'));
}

it('providers-as-code.md runs as written', async () => {
  const shell = new GuideShell(folder);
  try {
    await shell.run(`export XDG_STATE_HOME=${folder} XDG_CONFIG_HOME=${folder}`);
    const steps = readSteps(readGuide());
    expect(steps.length).toBeGreaterThan(9);
    for (const { command, shown } of steps) {
      const printed = await shell.run(command);
      if (shown === null) expect(printed.trim()).toBe('');
      else expectShown(printed, shown);
    }
  } finally {
    await shell.close();
  }
}, 120_000);
