/** Whatever ends an apply before its end, the next one comes to where the first would have. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, request as requestHttp, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { root } from '../repository.js';
import { runOnScreen } from './golden.js';
import { environmentOf, type ManifestWorld, startManifestWorld } from './manifest-world.js';

let world: ManifestWorld;
let file: string;
beforeAll(async () => {
  world = await startManifestWorld();
});
afterAll(() => world?.close());
afterEach(() => expectConverged());

const text = (path: string) => readFile(path, 'utf8');

/** Keys whose secrets go to a command, which may do something else besides, and a file; agents before, webhooks after. */
async function write(name: string, command = 'true'): Promise<void> {
  const take = (file: string, more = '') => `write_to: { command: [sh, -c, "cat > ${file}${more}"] }`;
  await writeFile(world.at('do'), `test -e armed || exit 0\nrm armed\n${command}\n`);
  await writeFile(world.at('armed'), '');
  file = await world.write(
    `${name}.yaml`,
    `agents:
  - agent_id: ${name}
    allowed_scopes: []
    keys: [{ name: own, write_to: { file: ${name}.own } }]
keys:
  - { name: ${name}-one, role: app, ${take(`${name}.one`, '; . ./do')} }
  - { name: ${name}-two, role: app, write_to: { file: ${name}.two } }
webhooks:
  - { url: "https://app.example/${name}", events: [connection.active], write_to: { file: ${name}.hook } }
`,
  );
}

/** One apply more, and every secret works, nothing is left to do and no key is live that nobody has. */
async function expectConverged(env = world.env): Promise<void> {
  const name = file.replace(/^.*\/|\.yaml$/g, '');
  expect(await apply(env)).toMatchObject({ code: 0, stderr: '' });
  const planned = await runCli(['plan', '-f', file, '--detailed-exitcode'], env);
  expect(planned).toMatchObject({ code: 0, stdout: expect.stringContaining('Nothing to do') });
  const all = [
    ...(await world.read('/admin/v1/keys')).keys.filter((key: { name: string }) => key.name.startsWith(`${name}-`)),
    ...(await world.read(`/admin/v1/agents/${name}/keys`)).keys,
  ].filter((key: { revoked_at: string | null }) => key.revoked_at === null);
  const held = await Promise.all(
    ['own', 'one', 'two'].map(async (of) => (await text(world.at(`${name}.${of}`))).trim()),
  );
  expect(all.map((key: { last_four: string }) => key.last_four).sort()).toEqual(
    held.map((key) => key.slice(-4)).sort(),
  );
  for (const key of held) expect((await world.stack.broker('GET', '/admin/v1/vault', { key })).status).toBe(403);
  expect(await text(world.at(`${name}.hook`))).toMatch(/^whsec_/);
}

const runCli = (args: readonly string[], env: Readonly<Record<string, string>>) => runOnScreen(null, { args, env });
const apply = (env = world.env) => runCli(['apply', '-f', file, '--auto-approve'], env);

function startCli(args: readonly string[], env: Readonly<Record<string, string>>): ChildProcess {
  return spawn(process.execPath, [`${root}/nexus-cli/bin/nexus-cli.mjs`, ...args], {
    env,
    cwd: world.folder,
    stdio: 'pipe',
  });
}

async function ended(child: ChildProcess) {
  const output = { stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (piece: string) => {
    output.stdout += piece;
  });
  child.stderr?.setEncoding('utf8').on('data', (piece: string) => {
    output.stderr += piece;
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  return { code, signal, ...output };
}

it('finishes the item under way at an interrupt, and says what is left', async () => {
  await write('interrupted', 'touch begun; while test ! -e told; do sleep 0.02; done');
  const child = startCli(['apply', '-f', file, '--auto-approve'], world.env);
  const result = ended(child);
  while (!((await text(world.at('begun')).catch(() => null)) === '')) await new Promise((next) => setTimeout(next, 10));
  child.kill('SIGINT');
  await once(child.stderr ?? child, 'data');
  await writeFile(world.at('told'), '');
  const { code, stdout, stderr } = await result;
  expect(stderr).toBe('nexus-cli: interrupted; the item under way is finished first\n');
  expect(stdout).toMatch(
    /keys\/interrupted-one {2}created\n.*two {2}left: interrupted\n.*webhooks.*left: interrupted\n3 done, 2 left\.\n$/,
  );
  expect(code).toBe(130);
});

it('stops where the Broker is killed', async () => {
  await write('killed', `kill -9 ${world.stack.brokerPid()}`);
  const { code, stdout } = await apply();
  expect(stdout).toMatch(
    /killed-one {2}created\n.*killed-two {2}failed: .*cannot be reached.*\n.*left: the Broker is away\n/,
  );
  expect(code).toBe(1);
  await world.stack.startBroker();
});

it('is killed itself after it has made a key and before anybody has it', async () => {
  await write('orphaned', ': > orphaned.one; kill -9 $PPID');
  const child = startCli(['apply', '-f', file, '--auto-approve'], world.env);
  expect(await ended(child)).toMatchObject({ code: null, signal: 'SIGKILL' });
  const { keys } = await world.read('/admin/v1/keys');
  expect(keys.filter(({ name }: { name: string }) => name === 'orphaned-one')).toHaveLength(1);
});

it('tells of a command that failed, and leaves no key behind', async () => {
  await write('refusing', 'exit 7');
  const failed = await apply();
  expect(failed).toMatchObject({ code: 1, stdout: expect.stringContaining('failed with 7') });
  const { keys } = await world.read('/admin/v1/keys');
  const made = keys.filter(({ name }: { name: string }) => name === 'refusing-one');
  expect(made.map(({ revoked_at }: { revoked_at: string | null }) => revoked_at !== null)).toEqual([true]);
});

it.each(['/admin/v1/keys', '/keys', '/admin/v1/webhooks', '/admin/v1/agents'])(
  'does not learn what became of a POST to %s',
  async (path) => {
    const name = `unanswered${path.replaceAll('/', '-')}`;
    await write(name);
    const gate = await startForgetfulGate((url) => (path === '/keys' ? url.endsWith(`${name}/keys`) : url === path));
    try {
      const env = environmentOf({ ...world.stack, brokerUrl: gate.url }, world.folder);
      expect(await apply(env)).toMatchObject({ code: 1, stdout: expect.stringContaining('cannot be reached') });
      gate.recover();
      await expectConverged(env);
    } finally {
      gate.close();
    }
  },
);

/** Passes all on to the Broker, and loses the answer to each POST of a path. */
async function startForgetfulGate(loses: (url: string) => boolean) {
  let isForgetful = true;
  const server: Server = createServer((incoming, outgoing) => {
    const { method = 'GET', url = '/', headers } = incoming;
    const passed = requestHttp(new URL(url, world.stack.brokerUrl), { method, headers }, (answer) => {
      if (isForgetful && method === 'POST' && loses(url)) {
        answer.resume().on('end', () => outgoing.destroy());
        return;
      }
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(outgoing);
    });
    incoming.pipe(passed);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    recover: () => {
      isForgetful = false;
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
