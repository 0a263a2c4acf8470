import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Stack, startStack } from '../support/stack.js';
import { connectStatically, registerForConnections } from '../support/static-connections.js';
import { expectGolden, runOnScreen } from './golden.js';

let stack: Stack;
let folder: string;
let env: Record<string, string>;
let paths: readonly [RegExp, string];

beforeAll(async () => {
  stack = await startStack({ engine: 'sqlite' });
  folder = await mkdtemp(join(tmpdir(), 'nexus-cli-'));
  paths = [new RegExp(folder, 'g'), '/tmp'];
  env = { NEXUS_BROKER_URL: stack.brokerUrl, NEXUS_API_KEY: stack.adminKey };
  await registerForConnections(stack);
  await connectStatically(stack, 2);
});
afterAll(async () => {
  await stack.close();
  await rm(folder, { recursive: true, force: true });
});

describe('the key ring', () => {
  it('is shown', async () => {
    // The name of the machine is part of a Broker's id.
    const replicas = [/(?<=Brokers\S*\n)[\s\S]*?(?=\n=== |$)/g, '  (differs)\n'] as const;
    await expectGolden('vault-status', { args: ['vault', 'status'], env, masks: [replicas] });
  });

  it('changes, the numbers of its keys going up', async () => {
    const number = [/(?<=data key )\d+|(?<= (?:promote|destroy|retire|compromise) )\d+/g, '7'] as const;
    const publicKey = [/(?<=public key is )\S+/g, '(a public key)'] as const;
    const purposes = ['cred', 'flow', 'audit'];
    await expectGolden('vault-add', {
      args: async () => ['vault', 'add', purposes.shift() ?? ''],
      env,
      masks: [number],
    });
    await expectGolden('vault-promote', {
      args: async () => {
        const { stdout } = await runOnScreen(null, { args: ['vault', 'add', 'provider', '--json'], env });
        return ['vault', 'promote', String(JSON.parse(stdout).id)];
      },
      env,
      masks: [number],
    });
    await expectGolden('vault-rotate', { args: ['vault', 'rotate', 'checkpoint'], env, masks: [number, publicKey] });
    await expectGolden('vault-retire-refused', { args: ['vault', 'retire', '999'], env });
    await expectGolden('vault-destroy-declined', { args: ['vault', 'destroy', '1'], env, input: '\n' });
    for (const verb of ['add-kek', 'promote-kek', 'retire-kek']) {
      await expectGolden(`vault-${verb}-refused`, { args: ['vault', verb, 'kek-2027'], env });
    }
    await expectGolden('vault-compromise', {
      args: async () => {
        const { stdout } = await runOnScreen(null, { args: ['vault', 'status', '--json'], env });
        const keys: { id: number; purpose: string; state: string }[] = JSON.parse(stdout).keys;
        const active = keys.find(({ purpose, state }) => purpose === 'provider' && state === 'active');
        return ['vault', 'compromise', String(active?.id)];
      },
      env,
      masks: [number],
    });
  });
});

describe('the audit log', () => {
  /** How many entries there are and are sealed differs from run to run. */
  const counts = [/(?<=^(?:read|checkpoints|stored values|notice|period|removed).*)\b\d+\b/gm, '9'] as const;
  const digests = [/\b[0-9a-f]{64}\b/g, '0'.repeat(64)] as const;

  it('is verified, and exported', async () => {
    await expectGolden('audit-verify', { args: ['audit', 'verify', '--store'], env, masks: [counts] });
    const to = join(folder, 'log.ndjson');
    await expectGolden('audit-export', { args: ['audit', 'export', '--to', to], env, masks: [paths, digests] });
    const log = '{"kind":"header","format":"nexus-audit/1"}\n';
    await writeFile(join(folder, 'cut.ndjson'), log);
    const verify = ['audit', 'verify', '--from', join(folder, 'cut.ndjson')];
    await expectGolden('audit-verify-cut', { args: verify, env, masks: [paths] });
  });

  it('shows the keys it is verified with', async () => {
    const keys = [/(?<=^)\S+\+[0-9a-f]{8}\+\S{40,}$/gm, '(a verifier key)'] as const;
    await expectGolden('audit-checkpoints', { args: ['audit', 'checkpoints', '--keys'], env, masks: [keys] });
  });

  it('is archived piece by piece by whoever says so', async () => {
    let last = 0;
    const archive = ['audit', 'archive', '--to', join(folder, 'archives'), '--to-seq'];
    await expectGolden('audit-archive', {
      args: async () => {
        last += 1;
        return [...archive, String(last), '--yes'];
      },
      env,
      masks: [paths, digests, counts, [/(?<=audit-)\d+-\d+(?=\.ndjson)/g, '9-9']],
    });
    expect(await runOnScreen(null, { args: [...archive, '3'], env })).toMatchObject({ code: 2 });
  });
});

describe('what needs no Broker', () => {
  it('is shown alike', async () => {
    await expectGolden('help', { args: ['--help'] });
    await expectGolden('help-command', { args: ['keys', 'create', '--help'] });
    await expectGolden('unknown-command', { args: ['vault', 'forge'] });
    await expectGolden('version', { args: ['--version'], masks: [[/(?<=nexus-cli )\d.*/g, '1.2.3']] });
    for (const shell of ['bash', 'zsh', 'fish']) {
      await expectGolden(`completion-${shell}`, { args: ['completion', shell] });
    }
    await expectGolden('catalogue-list', { args: ['catalogue', 'list'] });
    await expectGolden('profile-list', { args: ['profile', 'list'] });
    await expectGolden('profile-show', { args: ['profile', 'show'] });
    await mkdir(join(folder, 'nexus'));
    await writeFile(
      join(folder, 'nexus', 'profiles.yaml'),
      'profiles: { staging: { broker_url: "http://127.0.0.1:9" } }',
    );
    await expectGolden('profile-use', { args: ['profile', 'use', 'staging'], env: { XDG_CONFIG_HOME: folder } });
    await expectGolden('profile-list-default', { args: ['profile', 'list'], env: { XDG_CONFIG_HOME: folder } });
  });
});
