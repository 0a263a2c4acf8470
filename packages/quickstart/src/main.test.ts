import { EventEmitter } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createToken } from '@nexus/core/tokens';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from './main.js';
import { host } from './ports.js';

const directory = mkdtempSync(join(tmpdir(), 'nexus-main-'));

class Output extends EventEmitter {
  text = '';

  write(text: string): void {
    this.text += text;
  }
}

/** Stand-ins for the services: they are configured as the real ones and serve just what starting needs. */
const broker = `
import { existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
const { DATA_DIR, BROKER_HOST, BROKER_PORT, TEST_ADMIN_KEY, TEST_MARK, NEXUS_ENV, PUBLIC_URL } = process.env;
for (const name of ['admin.key', 'gateway.key']) {
  if (!existsSync(DATA_DIR + '/' + name)) writeFileSync(DATA_DIR + '/' + name, TEST_ADMIN_KEY, { mode: 0o600 });
}
const server = createServer((request, response) => {
  if (request.url === '/die') { console.log('the disk is on fire'); process.exit(3); }
  const body = request.url.startsWith('/audit') ? { events: [] } : { NEXUS_ENV, PUBLIC_URL, TEST_MARK };
  response.end(JSON.stringify(body));
}).listen(Number(BROKER_PORT), BROKER_HOST);
process.on('SIGTERM', () => { server.close(); server.closeAllConnections(); });
`;
const gateway = `
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
const { GATEWAY_HOST, GATEWAY_PORT, GATEWAY_API_KEY_FILE, BROKER_URL, TEST_MARK } = process.env;
readFileSync(GATEWAY_API_KEY_FILE);
const server = createServer((request, response) => response.end(JSON.stringify({ BROKER_URL, TEST_MARK })))
  .listen(Number(GATEWAY_PORT), GATEWAY_HOST);
process.on('SIGTERM', () => { server.close(); server.closeAllConnections(); });
`;
const readyFile = join(directory, 'ready.json');
const freePorts = ['--no-demo', '--gateway-port', '0', '--broker-port', '0', '--ready-file', 'ready.json'];
const environment = { TEST_ADMIN_KEY: createToken('nxa'), TEST_MARK: 'passed on' };

beforeAll(() => {
  for (const [name, source] of [
    ['nexus-broker', broker],
    ['nexus-gateway', gateway],
  ] as const) {
    mkdirSync(join(directory, name, 'dist'), { recursive: true });
    writeFileSync(join(directory, name, 'package.json'), '{ "type": "module" }');
    writeFileSync(join(directory, name, 'dist', 'main.js'), source);
  }
});

afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

function launch(argv: readonly string[], variables: Record<string, string> = environment) {
  const output = new Output();
  const events = new EventEmitter();
  const repository = pathToFileURL(`${directory}/`);
  const ended = main({ argv, environment: variables, workingDirectory: directory, repository, output, events });
  return { output, events, ended };
}

async function run(argv: readonly string[], variables: Record<string, string> = {}) {
  const { output, ended } = launch(argv, variables);
  const code = await ended;
  return { code, text: output.text };
}

async function readReadyFile() {
  await expect.poll(() => existsSync(readyFile), { timeout: 20_000, interval: 20 }).toBe(true);
  return JSON.parse(readFileSync(readyFile, 'utf8'));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('a command line that cannot be followed', () => {
  it('is answered with the options when they are asked for', async () => {
    const { code, text } = await run(['--help']);
    expect(code).toBe(0);
    expect(text).toContain('--ready-file FILE');
  });

  it('ends with 2 and the way to help', async () => {
    expect(await run(['--port', '1'])).toEqual({
      code: 2,
      text: 'Error: Unknown option --port. npm start -- --help shows the options.\n',
    });
  });

  it('ends with 2 in production', async () => {
    const { code, text } = await run([], { NEXUS_ENV: 'production' });
    expect(code).toBe(2);
    expect(text).toContain('development only');
  });

  it('ends with 1 and names the option when a port is in use', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, host, resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const { code, text } = await run(['--gateway-port', '0', '--broker-port', String(port), '--no-demo']);
    server.close();
    expect(code).toBe(1);
    expect(text).toBe(
      `Error: Port ${port} is already in use; choose another with --broker-port N (0 picks a free one).\n`,
    );
  });
});

describe('a run', () => {
  it('configures both services, writes the ready file, keeps its ports and ends well on repeated signals', async () => {
    writeFileSync(readyFile, 'stale');
    const first = launch(freePorts);
    expect(existsSync(readyFile)).toBe(false);
    const ready = await readReadyFile();
    expect(ready).toEqual({
      gateway_url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      broker_url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      admin_key_file: join(directory, 'data', 'admin.key'),
      gateway_key_file: join(directory, 'data', 'gateway.key'),
      demo: null,
      pids: { gateway: expect.any(Number), broker: expect.any(Number) },
    });
    expect(await (await fetch(ready.broker_url)).json()).toEqual({
      NEXUS_ENV: 'development',
      PUBLIC_URL: ready.gateway_url,
      TEST_MARK: 'passed on',
    });
    expect(await (await fetch(ready.gateway_url)).json()).toEqual({
      BROKER_URL: ready.broker_url,
      TEST_MARK: 'passed on',
    });
    expect(statSync(join(directory, 'data')).mode & 0o777).toBe(0o700);
    first.events.emit('SIGINT');
    first.events.emit('SIGINT');
    first.events.emit('SIGTERM');
    expect(await first.ended).toBe(0);
    expect([isAlive(ready.pids.broker), isAlive(ready.pids.gateway)]).toEqual([false, false]);
    expect(first.output.text).toContain('Nexus is ready');

    const second = launch(freePorts);
    const again = await readReadyFile();
    second.events.emit('SIGTERM');
    expect(await second.ended).toBe(0);
    expect([again.gateway_url, again.broker_url]).toEqual([ready.gateway_url, ready.broker_url]);
  });

  it('ends with 1, the last log lines and no process left when a service dies', async () => {
    const { output, ended } = launch(freePorts);
    const ready = await readReadyFile();
    await fetch(`${ready.broker_url}/die`).catch(() => undefined);
    expect(await ended).toBe(1);
    expect(output.text).toContain('The process "broker" ended unexpectedly, with exit code 3.');
    expect(output.text).toContain('the disk is on fire');
    expect(isAlive(ready.pids.gateway)).toBe(false);
  });

  it('ends with 0 when it is stopped before it was ready', async () => {
    const { events, ended } = launch(freePorts);
    events.emit('SIGHUP');
    expect(await ended).toBe(0);
  });

  it('explains a missing admin key', async () => {
    const { code, text } = await run(freePorts, { ...environment, ADMIN_API_KEY_FILE: join(directory, 'none.key') });
    expect(code).toBe(1);
    expect(text).toContain('There is no admin key in');
  });
});
