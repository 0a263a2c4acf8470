import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createKey,
  readAudit,
  registerOpenidProvider,
  registerStaticProvider,
  returnUrl,
} from '../support/fixtures.js';
import { type RunningCli, runCli, startCli } from '../support/nexus-cli.js';
import { Person } from '../support/person.js';
import { type Stack, startStack } from '../support/stack.js';

describe('nexus-cli connect and token', () => {
  let stack: Stack;
  let folder: string;
  let registered: Awaited<ReturnType<typeof registerOpenidProvider>>;
  let appKey: string;
  const at = (name: string) => join(folder, name);
  const gateway = () => ({ NEXUS_GATEWAY_URL: stack.gatewayUrl });

  beforeAll(async () => {
    stack = await startStack({ engine: 'sqlite' });
    folder = await mkdtemp(join(tmpdir(), 'nexus-cli-'));
    registered = await registerOpenidProvider(stack);
    await registerStaticProvider(stack);
    appKey = (await createKey(stack, 'app')).key;
  });
  afterAll(async () => {
    await registered.provider.close();
    await stack.close();
    await rm(folder, { recursive: true, force: true });
  });

  const connect = (...args: readonly string[]) =>
    startCli(['connect', ...args, '--workspace', 'workspace-1'], { ...gateway(), NEXUS_API_KEY: appKey });

  async function readLink(cli: RunningCli): Promise<string> {
    const [link] = await cli.seen(/http:\S+\/connect\/nxt_\w+/);
    return link;
  }

  it('completes a bound flow by itself, and keeps the id where only its owner reads it', async () => {
    const cli = connect('acme', '--out', at('acme.id'));
    const person = new Person(stack.gatewayUrl);
    const back = await person.connect(await readLink(cli), registered.provider, 'ada');
    expect(new URL(back.location).searchParams.get('handle')).toMatch(/^nxt_/);
    const shown = await fetch(back.location);
    expect([shown.status, await shown.text()]).toEqual([200, expect.stringContaining('Your account is connected.')]);
    const ended = await cli.ended;
    expect(ended).toMatchObject({ code: 0, stdout: expect.stringMatching(/status +active\naccount +.*ada/) });
    expect(ended.stderr).toContain(`the connection id is in ${at('acme.id')}`);
    expect(ended.stdout + ended.stderr).not.toContain('nxc_');
    expect((await stat(at('acme.id'))).mode & 0o777).toBe(0o600);
    const id = (await readFile(at('acme.id'), 'utf8')).trim();
    const read = await stack.gateway('GET', `/v1/token/${id}`);
    expect(await registered.provider.isTokenActive(read.body.credentials.access_token)).toBe(true);
    const [requested] = await readAudit(stack, read.body.connection_ref);
    expect(requested).toMatchObject({ event_type: 'connection.requested', actor: { type: 'key' } });
  });

  it('is of no use to whoever opens the page of another flow there', async () => {
    const cli = connect('acme', '--reveal', '--json', '--wait', '5');
    const link = await readLink(cli);
    const person = new Person(stack.gatewayUrl);
    const back = new URL((await person.connect(link, registered.provider, 'mallory')).location);
    const handle = back.searchParams.get('handle') ?? '';
    for (const changed of [
      `${back.origin}/done?status=success&connection_ref=01JA5M3N7Q0V8X2Y4Z6B8D0F2H&handle=${handle}`,
      `${back.origin}/other?${back.searchParams}`,
      back.href.replace('127.0.0.1', 'localhost'),
    ]) {
      expect((await fetch(changed)).status).toBe(404);
    }
    const strange = new URL(back);
    strange.searchParams.set('handle', `${handle.slice(0, -1)}${handle.endsWith('A') ? 'B' : 'A'}`);
    expect(await (await fetch(strange)).text()).toMatch(
      /<p>Your account was not connected: refused by the Gateway: \w+/,
    );
    await cli.seen(/that did not complete it: refused by the Gateway: \w+/);
    expect((await fetch(back, { method: 'POST' })).status).toBe(404);
    expect((await fetch(back)).status).toBe(200);
    const ended = await cli.ended;
    expect(ended.code).toBe(0);
    const told = JSON.parse(ended.stdout);
    expect(told).toMatchObject({ status: 'active', connection_id: expect.stringMatching(/^nxc_/) });
  });

  it('tells that the person refused, keeps no file, exit code 1', async () => {
    const cli = connect('acme', '--out', at('refused.id'));
    const person = new Person(stack.gatewayUrl);
    const link = await readLink(cli);
    await person.open(link);
    const authorize = new URL((await person.press(link)).location).searchParams;
    const refusal = new URL(authorize.get('redirect_uri') ?? '');
    refusal.searchParams.set('state', authorize.get('state') ?? '');
    refusal.searchParams.set('error', 'access_denied');
    refusal.searchParams.set('iss', registered.provider.issuer);
    const back = await person.open(refusal.href);
    expect(await (await fetch(back.location)).text()).toContain('not connected');
    const ended = await cli.ended;
    expect([ended.code, ended.stdout]).toEqual([1, '']);
    expect(ended.stderr).toMatch(/nexus-cli: connection \w+ is failed: access_denied, /);
    expect(await readdir(folder)).not.toContain('refused.id');
  });

  it('shows a form for static credentials, and gives up in time, exit code 1', async () => {
    const cli = connect('acme-key', '--reveal', '--json');
    const [, ticket = ''] = /connect\/(nxt_\w+)/.exec(await readLink(cli)) ?? [];
    const captured = await stack.gateway('POST', '/v1/capture-credential', {
      body: { state: ticket, credentials: { api_key: 'fixture-key-of-the-person-0001' } },
    });
    expect((await fetch(captured.body.redirect_url)).status).toBe(200);
    const ended = await cli.ended;
    expect(JSON.parse(ended.stdout)).toMatchObject({ status: 'active', provider_name: 'acme-key' });
    const late = await connect('acme-key', '--out', at('late.id'), '--wait', '1').ended;
    expect(late).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('nobody finished within 1 s') });
    expect(await readdir(folder)).not.toContain('late.id');
  });

  it('goes to a registered address instead, and keeps an id that may still come to life', async () => {
    const args = ['acme-key', '--out', at('simple.id'), '--wait', '1', '--return-url', returnUrl];
    const cli = connect(...args);
    const [, ticket = ''] = /connect\/(nxt_\w+)/.exec(await readLink(cli)) ?? [];
    expect((await cli.ended).code).toBe(1);
    await stack.gateway('POST', '/v1/capture-credential', {
      body: { state: ticket, credentials: { api_key: 'fixture-key-of-the-person-0002' } },
    });
    const masked = await runCli(['token', at('simple.id')], null, gateway());
    expect(masked).toMatchObject({ code: 0, stderr: '' });
    expect(masked.stdout).toMatch(/strategy +header\n[\s\S]*credentials\.api_key +fixt…0002\n/);
    const revealed = await runCli(['token', at('simple.id'), '--reveal', '--json'], null, gateway());
    expect(JSON.parse(revealed.stdout).credentials).toEqual({ api_key: 'fixture-key-of-the-person-0002' });
    const hidden = await runCli(['token', at('simple.id'), '--json'], null, gateway());
    expect(hidden.stdout).not.toContain('of-the-person');
  });

  it('ends on SIGINT without leaving anything behind', async () => {
    const cli = connect('acme', '--out', at('interrupted.id'));
    await readLink(cli);
    cli.signal('SIGINT');
    expect(await cli.ended).toMatchObject({ code: 130, stdout: '', stderr: expect.stringContaining('interrupted') });
    expect(await readdir(folder)).not.toContain('interrupted.id');
  });

  it('sends no key but that of an application or agent to a Gateway', async () => {
    const env = { ...gateway(), NEXUS_API_KEY: stack.adminKey };
    const args = ['connect', 'acme', '--workspace', 'workspace-1', '--reveal', '--wait', '1'];
    expect((await runCli(args, null, env)).code).toBe(1);
    const [requested] = (await stack.broker('GET', '/audit?event_type=connection.requested&limit=1')).body.events;
    expect(requested.actor).toMatchObject({ type: 'anonymous' });
  });

  it.each([
    ['without a place for the id', [], 2, '--out FILE, or --reveal'],
    ['with two places for it', ['--out', 'x', '--reveal'], 2, '--out FILE, or --reveal'],
    ['with an input that is none', ['--reveal', '--input', 'acme'], 2, 'NAME=VALUE'],
    ['with an input nobody asked for', ['--reveal', '--input', 'tenant=acme'], 1, ''],
    [
      'back to an address nobody registered',
      ['--reveal', '--return-url', 'https://elsewhere.example/'],
      1,
      'return-origins',
    ],
  ])('is refused %s', async (_what, args, code, told) => {
    const ended = await connect('acme', ...args, '--wait', '1').ended;
    expect(ended).toMatchObject({ code, stdout: '', stderr: expect.stringContaining(told) });
  });

  it('reads an id from a file or standard input only', async () => {
    const { connection_id: id } = (
      await stack.gateway('POST', '/v1/request-connection', {
        body: { workspace_id: 'w', provider_name: 'acme', return_url: returnUrl },
      })
    ).body;
    const shown = await runCli(['token', id], null, gateway());
    expect([shown.code, shown.stderr.includes(id)]).toEqual([2, false]);
    await writeFile(at('key.id'), stack.adminKey);
    const wrong = await runCli(['token', at('key.id')], null, gateway());
    expect(wrong).toMatchObject({ code: 2, stderr: expect.not.stringContaining(stack.adminKey) });
    const piped = await startCli(['token', '-'], gateway(), `${id}\n`).ended;
    expect(piped).toMatchObject({ code: 1, stderr: expect.stringContaining('connection_not_active') });
  });
});
