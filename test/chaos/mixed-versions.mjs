/**
 * `npm run mixed-versions -- --old COMMIT --seed N --operations M`: this version beside an earlier one on one PostgreSQL,
 * for mixed-versions.trial.ts. Without `--old` it is the newest commit with an earlier schema. It needs the clone's
 * history, and that the earlier version runs with the dependencies of this one.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build, install, root } from '../../packages/repo-tools/bin/ensure.mjs';
import { runVitest } from '../long-form.mjs';

const migrations = 'nexus-broker/src/stores/migrations';
const { values } = parseArgs({
  options: {
    old: { type: 'string' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    operations: { type: 'string', default: '900' },
  },
});
if (![values.seed, values.operations].every((text) => /^\d+$/.test(text))) {
  process.stderr.write('usage: npm run mixed-versions -- [--old COMMIT] [--seed N] [--operations N]\n');
  process.exit(2);
}
await install();
await build();
const commit = git('rev-parse', '--verify', `${values.old ?? findEarlier()}^{commit}`);
process.stdout.write(`seed ${values.seed}; the old version is ${git('log', '-1', '--format=%h %s', commit)}\n`);
const oldRoot = mkdtempSync(join(tmpdir(), 'nexus-old-'));
try {
  unpack(commit, oldRoot);
  process.exitCode = runVitest(['--config', 'test/chaos/mixed-versions.config.mjs'], {
    NEXUS_MIXED_ROOT: oldRoot,
    NEXUS_MIXED_SEED: values.seed,
    NEXUS_MIXED_OPERATIONS: values.operations,
  });
} finally {
  rmSync(oldRoot, { recursive: true, force: true });
}

/**
 * The parent of the commit that brought a migration, the newest whose own migrations are the same ones to this day: one
 * that was edited before its release gave nobody a schema.
 */
function findEarlier() {
  const now = listMigrations('HEAD');
  for (const file of [...now.keys()].sort().reverse()) {
    const parent = `${git('log', '--diff-filter=A', '--format=%H', '-1', '--', `${migrations}/${file}`)}^`;
    if ([...listMigrations(parent)].every(([name, blob]) => now.get(name) === blob)) return parent;
  }
  throw new Error('no earlier version has these migrations');
}

/** The content of each migration of a commit, by file name. */
function listMigrations(commit) {
  const lines = git('ls-tree', commit, `${migrations}/`).split('\n');
  const files = lines.map((line) => /^\d+ blob (\w+)\t.*\/(\d{4}-.*(?<!\.test)\.ts)$/.exec(line));
  return new Map(files.filter((found) => found !== null).map((found) => [found[2], found[1]]));
}

/** A checkout beside this one, with the dependencies that are installed here, compiled as far as its services go. */
function unpack(commit, folder) {
  const archive = spawnSync('git', ['archive', commit], { cwd: root, maxBuffer: 2 ** 28 });
  const unpacked = spawnSync('tar', ['-x', '-C', folder], { input: archive.stdout });
  if (archive.status !== 0 || unpacked.status !== 0) throw new Error(`${archive.stderr}${unpacked.stderr}`);
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const workspaces = readdirSync(join(folder, 'packages')).map((name) => join('packages', name));
  for (const workspace of [...workspaces, 'nexus-broker', 'nexus-gateway']) {
    const installed = join(root, workspace, 'node_modules');
    // Their links are relative: copied, those to other workspaces lead to the old ones.
    if (existsSync(installed))
      cpSync(installed, join(folder, workspace, 'node_modules'), { recursive: true, verbatimSymlinks: true });
  }
  const compiler = join('node_modules', 'typescript', 'bin', 'tsc');
  const options = /** @type {const} */ ({ cwd: folder, stdio: 'inherit' });
  const { status } = spawnSync(process.execPath, [compiler, '-b', 'nexus-broker', 'nexus-gateway'], options);
  if (status !== 0) throw new Error('the old version does not compile');
}

function git(...args) {
  const { status, stdout, stderr } = spawnSync('git', args, { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return stdout.trim();
}
