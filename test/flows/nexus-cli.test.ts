import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCertificateAuthority } from '@nexus/testkit/certificates';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKey } from '../support/fixtures.js';
import { type CliTarget, runCli } from '../support/nexus-cli.js';
import { engines, type Stack, startStack } from '../support/stack.js';
import { connectStatically, registerForConnections } from '../support/static-connections.js';

describe.each(engines)('nexus-cli against a Broker on %s', (engine) => {
  let stack: Stack;
  let folder: string;
  let admin: CliTarget;
  let auditor: CliTarget;
  const at = (name: string) => join(folder, name);

  beforeAll(async () => {
    stack = await startStack({ engine });
    folder = await mkdtemp(join(tmpdir(), 'nexus-cli-'));
    admin = { brokerUrl: stack.brokerUrl, key: stack.adminKey };
    auditor = { brokerUrl: stack.brokerUrl, key: (await createKey(stack, 'auditor')).key };
    await registerForConnections(stack);
    await connectStatically(stack, 3);
  });
  afterAll(async () => {
    await stack.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('shows the key ring and changes it', async () => {
    const before = await runCli(['vault', 'status'], admin);
    expect(before).toMatchObject({ code: 0, stderr: '' });
    expect(before.stdout).toMatch(/Data keys\n {2}ID +PURPOSE +STATE/);
    expect(await runCli(['vault', 'rotate', 'cred'], admin)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^data key \d+ \(cred\) is active\n$/),
    });
    const added = await runCli(['vault', 'add', 'provider', '--json'], admin);
    const { id } = JSON.parse(added.stdout);
    expect(JSON.parse(added.stdout)).toMatchObject({ purpose: 'provider', state: 'pre-active' });
    const promoted = await runCli(['vault', 'promote', String(id)], admin);
    expect([promoted.code, promoted.stdout]).toEqual([0, `data key ${id} (provider) is active\n`]);
    const ring = JSON.parse((await runCli(['vault', 'status', '--json'], auditor)).stdout);
    expect(ring.keys).toEqual(expect.arrayContaining([expect.objectContaining({ id, state: 'active' })]));
  });

  it('passes on why the Broker refused a change', async () => {
    expect(await runCli(['vault', 'retire', '999'], admin)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^nexus-cli: refused by the Broker: \w+_not_found: /),
    });
    expect(await runCli(['vault', 'add-kek', 'kek/not here:1'], admin)).toMatchObject({ code: 1 });
    expect(await runCli(['vault', 'promote-kek', 'kek/of:nobody'], admin)).toMatchObject({ code: 1 });
    expect(await runCli(['vault', 'rotate'], auditor)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('forbidden'),
    });
  });

  it('verifies over the API, by a pinned key and the checkpoints kept elsewhere, with the store', async () => {
    expect(await runCli(['audit', 'checkpoints', '--keys', '--to', at('keys')], auditor)).toMatchObject({ code: 0 });
    const pinned = ['--pubkey', at('keys'), '--checkpoints', join(stack.dataDir, 'checkpoints.log')];
    const verified = await runCli(['audit', 'verify', ...pinned, '--store', '--json'], auditor);
    const report = JSON.parse(verified.stdout);
    expect(report).toMatchObject({ exitCode: 0, problems: [], notices: [] });
    expect(report.stored).toBeGreaterThanOrEqual(3);
    expect(report.checkpointed).toBeGreaterThan(0);
    expect(verified.code).toBe(0);
    const told = await runCli(['audit', 'verify', '--since', '2020-01-01T00:00:00+01:00'], auditor);
    expect(told.stdout).toMatch(
      /^good: .*\nread: entries 1 to \d+ [\s\S]*period: \d+ entries, between 1 and [\s\S]*notice: no key/,
    );
  });

  it('K3: verifies the store while it is written to and sealed again', async () => {
    let isDone = false;
    const rotate = async () => {
      while (!isDone) expect(await runCli(['vault', 'rotate', 'cred'], admin)).toMatchObject({ code: 0 });
    };
    const connect = async () => {
      while (!isDone) await connectStatically(stack, 3);
    };
    const work = Promise.all([rotate(), connect()]);
    for (let run = 0; run < 3; run++) {
      const verified = await runCli(['audit', 'verify', '--store'], auditor);
      expect(verified).toMatchObject({ code: 0, stdout: expect.stringContaining('stored values: ') });
    }
    isDone = true;
    await work;
  });

  it('exports, verifies the file offline, and finds what was changed in it', async () => {
    const exported = await runCli(['audit', 'export', '--to', at('log.ndjson')], auditor);
    const text = await readFile(at('log.ndjson'), 'utf8');
    const sha256 = createHash('sha256').update(text).digest('hex');
    expect(exported).toEqual({ code: 0, stdout: '', stderr: `wrote ${at('log.ndjson')}, SHA-256 ${sha256}\n` });
    expect((await stat(at('log.ndjson'))).mode & 0o777).toBe(0o600);
    const offline = ['audit', 'verify', '--pubkey', at('keys'), '--from'];
    expect(await runCli([...offline, at('log.ndjson')])).toMatchObject({ code: 0 });
    await writeFile(at('changed.ndjson'), text.replace('"outcome\\":\\"success', '"outcome\\":\\"refused'));
    expect(await runCli([...offline, at('changed.ndjson')])).toMatchObject({
      code: 10,
      stdout: expect.stringMatching(/^BAD: 2 problems, exit code 10\n {2}10 {2}entry 1: /),
    });
    await writeFile(at('cut.ndjson'), text.slice(0, -10));
    expect(await runCli([...offline, at('cut.ndjson')])).toMatchObject({ code: 3 });
    const piped = await runCli(['audit', 'export', '--to', '-', '--from-seq', '2', '--to-seq', '4'], auditor);
    expect(piped.stdout.split('\n')[0]).toBe('{"kind":"header","format":"nexus-audit/1","from_seq":2,"to_seq":4}');
    expect((await readdir(folder)).filter((name) => name.includes('partial'))).toEqual([]);
  });

  it('A13: archives in steps, and the log verifies over the archives and not without them', async () => {
    const pinned = ['--pubkey', at('keys'), '--checkpoints', join(stack.dataDir, 'checkpoints.log')];
    const archive = (...args: string[]) =>
      runCli(['audit', 'archive', '--to', at('archives'), ...pinned, ...args], admin);
    expect(await archive('--to-seq', '5')).toMatchObject({ code: 2, stderr: expect.stringContaining('--yes') });
    const first = await archive('--to-seq', '5', '--yes');
    expect(first).toMatchObject({ code: 0, stdout: expect.stringMatching(/^removed 5 entries, 1 to 5; /) });
    const events = (await stack.broker('GET', '/audit?order=asc&limit=5')).body.events;
    expect(events[0].seq).toBe(6);
    const second = await archive('--before', events[3].created_at, '--yes');
    expect([second.code, second.stdout]).toEqual([0, expect.stringMatching(/^removed [123] entries, 6 to [678]; /)]);
    expect((await readdir(at('archives'))).sort()).toEqual([
      'audit-1-5.ndjson',
      expect.stringMatching(/^audit-6-[678]/),
    ]);
    const over = await runCli(['audit', 'verify', ...pinned, '--archive', at('archives'), '--store'], auditor);
    expect(over).toMatchObject({ code: 0, stdout: expect.stringContaining('entries 1 to ') });
    expect(await runCli(['audit', 'verify', ...pinned], auditor)).toMatchObject({ code: 15 });
    expect(await archive('--before', '2020-01-01T00:00:00Z', '--yes')).toMatchObject({ code: 1 });
    expect(await archive('--before', '2100-01-01T00:00:00Z', '--yes')).toMatchObject({ code: 1 });
  });

  it('removes nothing where the log does not verify', async () => {
    const { body: before } = await stack.broker('GET', '/audit?order=asc&limit=1');
    const seq = before.events[0].seq;
    const [name = ''] = (await readdir(at('archives'))).sort();
    const text = await readFile(join(at('archives'), name), 'utf8');
    await writeFile(join(at('archives'), name), text.replace('success', 'refused'));
    const args = ['audit', 'archive', '--to', at('archives'), '--to-seq', String(seq + 1), '--yes'];
    expect(await runCli(args, admin)).toMatchObject({ code: 15, stdout: '' });
    expect((await stack.broker('GET', '/audit?order=asc&limit=1')).body.events[0].seq).toBe(seq);
    await writeFile(join(at('archives'), name), text);
    expect(await runCli(args, admin)).toMatchObject({ code: 0 });
  });

  it('lists checkpoints as the Broker writes them to its file', async () => {
    const listed = await runCli(['audit', 'checkpoints'], auditor);
    const file = await readFile(join(stack.dataDir, 'checkpoints.log'), 'utf8');
    expect(listed.stdout.trim().split('\n')).toEqual(expect.arrayContaining(file.trim().split('\n').slice(0, 1)));
  });
});

describe('nexus-cli', () => {
  const nobody: CliTarget = { brokerUrl: 'http://127.0.0.1:9', key: 'nxa_none' };

  it('explains itself and its commands', async () => {
    expect(await runCli(['--help'])).toMatchObject({ code: 0, stdout: expect.stringContaining('\n  audit verify ') });
    const { code, stdout, stderr } = await runCli(['audit', 'verify', '--help']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^Examples:\n {2}nexus-cli audit verify --store$/m);
  });

  it.each([
    ['nothing', []],
    ['half a command', ['audit']],
    ['a command there is not', ['audit', 'forge']],
    ['an option there is not', ['audit', 'verify', '--force']],
    ['an option without its value', ['audit', 'verify', '--from']],
    ['an argument too many', ['vault', 'status', 'now']],
    ['no argument', ['vault', 'promote']],
    ['a key id that is none', ['vault', 'promote', '../keks']],
    ['a purpose there is not', ['vault', 'add', 'everything']],
    ['destroying without a yes', ['vault', 'destroy', '3']],
    ['a time that is none', ['audit', 'verify', '--since', 'yesterday']],
    ['a number that is none', ['audit', 'export', '--to', 'x', '--to-seq', '0']],
    ['an export to nowhere', ['audit', 'export']],
    ['an archive of everything', ['audit', 'archive', '--to', 'x', '--yes']],
    [
      'an archive of two ranges',
      ['audit', 'archive', '--to', 'x', '--yes', '--to-seq', '3', '--before', '2026-01-01T00:00:00Z'],
    ],
    ['an old export with the store of now', ['audit', 'verify', '--from', 'x', '--store']],
  ])('is not understood with %s, exit code 2', async (_what, args) => {
    const result = await runCli(args, nobody);
    expect([result.code, result.stdout === '' || args.length < 2]).toEqual([2, true]);
  });

  it('asks for a key, and never shows it', async () => {
    expect(await runCli(['vault', 'status'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('NEXUS_API_KEY'),
    });
    const missing = await runCli(['vault', 'status'], null, { NEXUS_API_KEY_FILE: '/nowhere/key' });
    expect(missing).toMatchObject({ code: 3, stderr: expect.stringContaining('ENOENT') });
    const odd = await runCli(['vault', 'status'], { ...nobody, key: 'nxa_\u00e9secret' });
    expect(odd).toMatchObject({ code: 2, stderr: expect.not.stringContaining('secret') });
    const address = await runCli(['vault', 'status'], { ...nobody, brokerUrl: 'ftp://somewhere' });
    expect(address).toMatchObject({ code: 2, stderr: expect.stringContaining('NEXUS_BROKER_URL') });
  });

  it('shows its certificate to a Broker that asks for one, and believes the authority it was given only', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'nexus-cli-'));
    const authority = createCertificateAuthority('internal');
    const own = authority.issue({ commonName: 'broker' });
    const tls = { ...own, ca: authority.cert, requestCert: true, rejectUnauthorized: true };
    const server = createServer(tls, (_request, response) =>
      response.end('{"keks":[],"keys":[],"replicas":[],"resealing":[]}'),
    );
    try {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const target = { ...nobody, brokerUrl: `https://127.0.0.1:${(server.address() as AddressInfo).port}` };
      const { cert, key } = authority.issue({ commonName: 'administrator' });
      const env: Record<string, string> = {};
      for (const [name, text] of Object.entries({ CA: authority.cert, CERT: cert, KEY: key })) {
        await writeFile(join(folder, name), text);
        env[`NEXUS_TLS_${name}_FILE`] = join(folder, name);
      }
      const { NEXUS_TLS_CA_FILE: ca = '', ...certificate } = env;
      const status = ['vault', 'status'];
      expect(await runCli(status, target, env)).toMatchObject({ code: 0, stderr: '' });
      expect(await runCli(status, target, { NEXUS_TLS_CA_FILE: ca })).toMatchObject({ code: 3 });
      expect(await runCli(status, target, certificate)).toMatchObject({ code: 3 });
      expect(await runCli(status, target, { ...env, NEXUS_TLS_KEY_FILE: join(folder, 'missing') })).toMatchObject({
        code: 3,
      });
      const { NEXUS_TLS_KEY_FILE: _key, ...half } = env;
      expect(await runCli(status, target, half)).toMatchObject({ code: 2 });
    } finally {
      server.close();
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('says that a Broker cannot be reached, exit code 3', async () => {
    for (const args of [
      ['vault', 'status'],
      ['vault', 'rotate'],
      ['audit', 'verify'],
      ['audit', 'checkpoints'],
    ]) {
      expect(await runCli(args, nobody)).toMatchObject({
        code: 3,
        stderr: expect.stringContaining('cannot be reached'),
      });
    }
  });

  it('leaves nothing out that was to be compared, exit code 3', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'nexus-cli-'));
    try {
      await writeFile(join(folder, 'empty'), '\n');
      const verify = ['audit', 'verify', '--from', join(folder, 'empty')];
      const missing = join(folder, 'missing');
      for (const option of ['--pubkey', '--checkpoints', '--archive', '--store']) {
        expect(await runCli([...verify, option, missing])).toMatchObject({ code: 3 });
      }
      expect(await runCli([...verify, '--pubkey', join(folder, 'empty')])).toMatchObject({ code: 3 });
      expect(await runCli([...verify, '--checkpoints', join(folder, 'empty')])).toMatchObject({
        code: 3,
        stderr: expect.stringContaining('holds no checkpoint'),
      });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
