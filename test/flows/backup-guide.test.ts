/** docs/operations/backup-and-restore.md, run block by block as written, with the folders of this run. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readRepositoryFile, root } from '../repository.js';
import { GuideShell } from '../support/guide-shell.js';
import { expectShown, readSteps } from '../support/guide-text.js';
import { connectScripted, registerScriptedOauth, type ScriptedOauth } from '../support/scripted-oauth.js';
import { type Stack, startStack } from '../support/stack.js';

let stack: Stack;
let provider: ScriptedOauth;
let place: string;

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'nexus-guide-'));
  for (const folder of ['backups', 'safe']) await mkdir(join(place, folder));
  stack = await startStack({ engine: 'sqlite' });
  provider = await registerScriptedOauth(stack);
});
afterAll(async () => {
  await stack?.close();
  await provider?.close();
  await rm(place, { recursive: true, force: true });
});

it('backup-and-restore.md runs as written', async () => {
  const guide = readRepositoryFile('docs/operations/backup-and-restore.md')
    .replaceAll('/var/lib/nexus', stack.dataDir)
    .replaceAll('/var/backups/nexus', join(place, 'backups'))
    .replaceAll('/media/safe', join(place, 'safe'))
    .replaceAll('/tmp/nexus-rehearsal', join(place, 'rehearsal'));
  const steps = readSteps(guide);
  expect(steps).toHaveLength(8);
  const { connection_id: ada } = await connectScripted(stack, provider, 'ada');
  const shell = new GuideShell(root);
  try {
    for (const { command, shown } of steps) {
      // The guide says: stop the Broker.
      if (command.startsWith('broker restore')) await stack.stopBroker('SIGTERM');
      const printed = await shell.run(command);
      if (shown === null) expect(printed.trim()).toBe('');
      else expectShown(printed, shown);
    }
  } finally {
    await shell.close();
  }
  await stack.startBroker();
  expect((await stack.gateway('GET', `/v1/token/${ada}`)).status).toBe(200);
  const log = await stack.broker('GET', '/audit?event_type=backup.*&order=asc');
  const types = log.body.events.map((event: { readonly event_type: string }) => event.event_type);
  expect(types).toEqual(['backup.restored', 'backup.rollback_accepted']);
}, 180_000);
