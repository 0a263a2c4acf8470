import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';

const program = fileURLToPath(new URL('../../nexus-cli/bin/nexus-cli.mjs', import.meta.url));
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nexus-cli-'));
  await symlink(program, join(folder, 'nexus-cli'));
  await writeFile(join(folder, 'manifest.yaml'), '');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What bash would offer for a line whose last word is being typed. */
function completeInBash(...words: string[]): string[] {
  const script = `source <(nexus-cli completion bash)
COMP_WORDS=(nexus-cli ${words.map((word) => `'${word}'`).join(' ')})
COMP_CWORD=${words.length}
_nexus_cli
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const path = `${folder}:${process.env['PATH'] ?? ''}`;
  const shell = spawnSync('bash', ['--norc', '--noprofile', '-c', script], {
    cwd: folder,
    env: { PATH: path },
    encoding: 'utf8',
  });
  expect(shell.stderr).toBe('');
  return shell.stdout.trimEnd().split('\n');
}

it('bash offers commands, options, values and files', () => {
  expect(completeInBash('vault', 'pro')).toEqual(['promote-kek', 'promote']);
  expect(completeInBash('vault', 'add', 'c')).toEqual(['cred', 'checkpoint']);
  expect(completeInBash('audit', 'export', '--to')).toEqual(['--to', '--to-seq']);
  expect(completeInBash('audit', 'export', '--to', 'mani')).toEqual(['manifest.yaml']);
});

const shells = ['zsh', 'fish'].filter((shell) => spawnSync(shell, ['--version']).status === 0);

it.each(['bash', ...shells])('%s understands its script', async (shell) => {
  const { stdout } = spawnSync(process.execPath, [program, 'completion', shell], { encoding: 'utf8' });
  await writeFile(join(folder, shell), stdout);
  const checked = spawnSync(shell, ['-n', join(folder, shell)], { encoding: 'utf8' });
  expect([checked.status, checked.stderr]).toEqual([0, '']);
});
