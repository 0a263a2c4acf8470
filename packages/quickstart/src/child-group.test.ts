import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ChildGroup } from './child-group.js';
import { type Child, type ChildEnd, startChild } from './child-process.js';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nexus-children-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

function describeChild(name: string, source: string) {
  const script = join(directory, `${name}.mjs`);
  writeFileSync(script, source);
  return {
    name,
    script: pathToFileURL(script),
    environment: {},
    workingDirectory: directory,
    logFile: join(directory, `${name}.log`),
  };
}

const stoppable = `
  let count = 0;
  process.on('SIGTERM', () => { count += 1; console.log('SIGTERM ' + count); clearInterval(timer); });
  const timer = setInterval(() => {}, 1000);
  console.log('started');
`;
const stubborn = `process.on('SIGTERM', () => console.log('ignored')); setInterval(() => {}, 1000); console.log('started');`;

async function waitForLine(child: Child, line: string): Promise<void> {
  await expect.poll(() => child.readLastLines(), { timeout: 10_000, interval: 20 }).toContain(line);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('ChildGroup', () => {
  it('asks each child to stop once, however often it is told to stop', async () => {
    const group = new ChildGroup(() => undefined);
    const children = ['one', 'two'].map((name) => group.start(describeChild(name, stoppable)));
    for (const child of children) await waitForLine(child, 'started');
    const stops = await Promise.all([group.stop(), group.stop()]);
    expect(stops).toEqual([[], []]);
    for (const child of children) {
      expect(await child.ended).toMatchObject({ code: 0, signal: null });
      expect(child.readLastLines()).toEqual(['started', 'SIGTERM 1']);
    }
  });

  it('kills what does not stop in time, and says which it was', async () => {
    const group = new ChildGroup(() => undefined);
    const child = group.start(describeChild('stubborn', stubborn));
    await waitForLine(child, 'started');
    expect(await group.stop({ waveMs: 50, killAfterMs: 200 })).toEqual(['stubborn']);
    expect(await child.ended).toMatchObject({ signal: 'SIGKILL' });
  });

  it('tells of a child that ends by itself, with the end of its log', async () => {
    const told = new Promise<{ child: Child; end: ChildEnd }>((resolve) => {
      const group = new ChildGroup((child, end) => resolve({ child, end }));
      group.start(describeChild('broken', `console.error('no such table'); process.exitCode = 7;`));
    });
    const { child, end } = await told;
    expect(end).toEqual({ name: 'broken', code: 7, signal: null });
    expect(child.readLastLines()).toEqual(['no such table']);
  });

  it('does not take an end it asked for as a failure', async () => {
    const failures: string[] = [];
    const group = new ChildGroup((child) => failures.push(child.name));
    const child = group.start(describeChild('calm', stoppable));
    await waitForLine(child, 'started');
    await group.stop();
    expect(failures).toEqual([]);
  });
});

describe('startChild', () => {
  it('appends to a log only its owner can read and shows the lines of this run', async () => {
    const spec = describeChild('logger', `console.log('now');`);
    writeFileSync(spec.logFile, 'before\n', { mode: 0o600 });
    const child = startChild(spec);
    await child.ended;
    expect(readFileSync(spec.logFile, 'utf8')).toBe('before\nnow\n');
    expect(child.readLastLines()).toEqual(['now']);
    const other = startChild(describeChild('other', ''));
    await other.ended;
    expect(statSync(join(directory, 'other.log')).mode & 0o777).toBe(0o600);
  });

  it('leaves no process behind when the launcher is killed', async () => {
    const spec = describeChild('orphan', stoppable);
    const launcher = describeChild(
      'launcher',
      `import { spawn } from 'node:child_process';
       const child = spawn(process.execPath, ['--import', process.env.WATCH, process.env.ORPHAN],
         { detached: true, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
       console.log('pid ' + child.pid);`,
    );
    const started = startChild({
      ...launcher,
      environment: {
        ...launcher.environment,
        WATCH: new URL('../bin/parent-watch.mjs', import.meta.url).href,
        ORPHAN: join(directory, `${spec.name}.mjs`),
      },
    });
    await waitForLine(started, 'started');
    const pid = Number(/pid (\d+)/.exec(started.readLastLines().join('\n'))?.[1]);
    expect(isAlive(pid)).toBe(true);
    started.kill('SIGKILL');
    await waitForLine(started, 'SIGTERM 1');
    await expect.poll(() => isAlive(pid), { timeout: 10_000, interval: 20 }).toBe(false);
  });
});
