/**
 * Makes a fresh checkout runnable. It runs before anything is installed or built, so it uses Node's own modules only,
 * and says nothing unless there is something to do.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../../', import.meta.url));

const pnpm = ['--yes', 'pnpm@10.34.8'];
/** What a running system consists of, with what these refer to. Tests are checked by `npm run verify`. */
const projects = ['packages/quickstart', 'packages/repo-tools', 'nexus-broker', 'nexus-gateway', 'nexus-cli'];
const lockFile = join(root, 'pnpm-lock.yaml');
const stampFile = join(root, 'node_modules', '.nexus-install.json');

/** Installs and compiles what is missing or outdated; ends the process with a message when that fails. */
export async function ensureInstalled() {
  await endOnFailure(install);
}

/** Compiles what changed; ends the process with the compiler's output when that fails. */
export async function ensureBuilt() {
  await endOnFailure(build);
}

/** @throws PreparationError with the output of what failed. */
export async function install() {
  if (isInstalled() && loadsNativeModule()) return;
  await withLock(() => {
    if (!isInstalled()) {
      say('Installing dependencies. The first time takes a minute or two …');
      run('npx', [...pnpm, 'install', '--frozen-lockfile'], 'The dependencies could not be installed.');
      writeFileSync(stampFile, `${JSON.stringify({ lock: hashFile(lockFile) })}\n`);
    }
    if (!loadsNativeModule()) rebuildNativeModule();
  });
}

/** @throws PreparationError with the compiler's messages. */
export async function build() {
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  if (!existsSync(join(root, 'packages', 'core', 'dist'))) say('Compiling …');
  await withLock(() => run(process.execPath, [tsc, '-b', ...projects], 'The sources do not compile.'));
}

export class PreparationError extends Error {
  name = 'PreparationError';
}

/** pnpm keeps a copy of the lockfile it installed from; the stamp covers platforms where that copy leaves packages out. */
function isInstalled() {
  const installed = join(root, 'node_modules', '.pnpm', 'lock.yaml');
  if (!existsSync(installed) || !existsSync(join(root, 'node_modules', '.bin', 'vitest'))) return false;
  if (hashFile(installed) === hashFile(lockFile)) return true;
  if (!existsSync(stampFile)) return false;
  try {
    return JSON.parse(readFileSync(stampFile, 'utf8')).lock === hashFile(lockFile);
  } catch {
    return false;
  }
}

function hashFile(path) {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

/** A compiled module fits one version of Node, and an install may have been made under another. */
function loadsNativeModule() {
  const script = "new (require('better-sqlite3'))(':memory:').close()";
  const probe = spawnSync(process.execPath, ['-e', script], { cwd: join(root, 'nexus-broker'), stdio: 'ignore' });
  return probe.status === 0;
}

function rebuildNativeModule() {
  say(`Compiling better-sqlite3 for Node ${process.version} …`);
  const attempts = [
    ['npx', [...pnpm, 'rebuild', 'better-sqlite3'], root],
    ['npx', ['--yes', 'node-gyp', 'rebuild', '--release'], findNativeModule()],
  ];
  let output = '';
  for (const [command, args, cwd] of attempts) {
    if (cwd === null) continue;
    const result = spawnSync(command, args, { cwd, encoding: 'utf8' });
    if (loadsNativeModule()) return;
    output = `${result.stdout ?? ''}${result.stderr ?? ''}`;
  }
  const advice = 'It needs Python 3, make and a C++ compiler where no prebuilt binary can be downloaded.';
  throw new PreparationError(`better-sqlite3 could not be compiled. ${advice}\n${keepEnd(output)}`);
}

function findNativeModule() {
  const link = join(root, 'nexus-broker', 'node_modules', 'better-sqlite3');
  return existsSync(link) ? realpathSync(link) : null;
}

function run(command, args, problem) {
  const result = spawnSync(command, args, { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  if (result.status === 0) return;
  const output = result.error === undefined ? `${result.stdout}${result.stderr}` : result.error.message;
  throw new PreparationError(`${problem}\n${keepEnd(output)}`);
}

function keepEnd(output) {
  return output.trimEnd().split('\n').slice(-60).join('\n');
}

function say(text) {
  process.stderr.write(`${text}\n`);
}

async function endOnFailure(work) {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof PreparationError)) throw error;
    say(error.message);
    process.exit(1);
  }
}

/** Two commands started at once must not install or compile over each other. */
async function withLock(work) {
  const name = createHash('sha256').update(root).digest('hex').slice(0, 16);
  const lock = join(tmpdir(), `nexus-prepare-${name}`);
  const owner = join(lock, 'pid');
  while (!tryLock(lock, owner)) {
    if (isAbandoned(lock, owner)) rmSync(lock, { recursive: true, force: true });
    else await sleep(100);
  }
  try {
    work();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

function tryLock(lock, owner) {
  try {
    mkdirSync(lock);
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
  writeFileSync(owner, String(process.pid));
  return true;
}

function isAbandoned(lock, owner) {
  try {
    process.kill(Number(readFileSync(owner, 'utf8')), 0);
    return false;
  } catch (error) {
    if (error.code === 'EPERM') return false;
    // The owner writes its id right after it made the folder.
    if (error.code === 'ENOENT') return existsSync(lock) && Date.now() - statSync(lock).mtimeMs > 2000;
    return true;
  }
}
