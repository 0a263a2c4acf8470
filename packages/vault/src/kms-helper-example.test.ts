import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openExecKeys } from './exec-key-provider.js';
import { createKekProbe, holdsKek } from './kek-probe.js';
import type { KeyProvider } from './key-provider.js';
import {
  createDataKey,
  createKeyRing,
  type KeyPurpose,
  type KeyRingRow,
  rewrapDataKey,
  unwrapDataKey,
} from './key-ring.js';
import { createMemoryKeyProvider } from './memory-key-provider.js';
import { openVault } from './vault.js';
import { createExampleKey, createRows, exampleContext, exampleNow, openRows, readFailure } from './vault-fixture.js';

const docs = fileURLToPath(new URL('../../../docs/operations/', import.meta.url));
const text = new TextEncoder().encode('a token set');

let folder = '';
let kms: ChildProcess | null = null;
let url = '';

async function startKms(port = '0', state = 'state.json'): Promise<void> {
  const stateFile = join(folder, state);
  const child = spawn(process.execPath, [join(docs, 'kms-stand-in.mjs'), port, stateFile], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  kms = child;
  const [line] = (await once(createInterface(child.stdout as Readable), 'line')) as [string];
  url = line.replace(/^.* on /, '');
}

async function stopKms(): Promise<void> {
  const child = kms;
  kms = null;
  if (child === null || child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

async function readToken(state = 'state.json'): Promise<string> {
  return (JSON.parse(await readFile(join(folder, state), 'utf8')) as { token: string }).token;
}

async function callKms(operation: string, body: unknown, token?: string): Promise<Response> {
  const authorization = `Bearer ${token ?? (await readToken())}`;
  const headers = { 'x-amz-target': `TrentService.${operation}`, authorization };
  return fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
}

async function configure(keys: readonly string[], token?: string): Promise<void> {
  const config = { url, token: token ?? (await readToken()), keys };
  await writeFile(join(folder, 'kms.json'), JSON.stringify(config), { mode: 0o600 });
}

function openKms() {
  const command = [process.execPath, join(docs, 'kms-helper-example.mjs'), join(folder, 'kms.json')];
  return openExecKeys({ command, timeoutMs: 20_000, environment: {} });
}

const timeouts = { providerTimeoutMs: 20_000 };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nexus-kms-'));
});

afterEach(stopKms);

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** A KMS with the keys, and the helper configured for them. */
async function createKeys(keys: readonly string[]) {
  await startKms('0', `${keys[0]}.json`);
  const token = await readToken(`${keys[0]}.json`);
  for (const KeyId of keys) expect((await callKms('CreateKey', { KeyId }, token)).status).toBe(200);
  await configure(keys, token);
  return { provider: await openKms(), token };
}

function createKey(provider: KeyProvider, kekId: string, id: number, purpose: KeyPurpose): Promise<KeyRingRow> {
  return createDataKey({ provider, kekId, id, purpose, now: exampleNow, state: 'active' });
}

describe('the example of a key helper, with the stand-in for a KMS', () => {
  it('wraps a ring with the first key of its configuration, and the vault opens it', async () => {
    const { provider } = await createKeys(['first', 'second']);
    const rows = await createKeyRing({ provider, now: exampleNow });
    expect((await provider.keys()).map(({ id }) => id)).toEqual(['first', 'second']);
    expect(rows.every(({ wrappedBy }) => wrappedBy === 'first')).toBe(true);
    const blob = (await openRows({ provider, rows, ...timeouts })).seal(text, exampleContext);
    const later = await openRows({ provider: await openKms(), rows, ...timeouts });
    expect(later.open(blob, exampleContext)).toEqual(text);
  });

  it('K1, K4: gives a failure of its own for an altered or moved key, another key, and a missing one', async () => {
    const { provider, token } = await createKeys(['one', 'other']);
    const [cred, flow] = [await createKey(provider, 'one', 1, 'cred'), await createKey(provider, 'one', 3, 'flow')];
    const altered = new Uint8Array(cred.wrapped);
    altered[altered.length - 1] = (altered.at(-1) ?? 0) ^ 1;
    const context = { dek_id: '1', purpose: 'cred' };
    expect((await readFailure(provider.unwrap('one', altered, context))).code).toBe('integrity');
    expect((await readFailure(provider.unwrap('one', flow.wrapped, context))).code).toBe('integrity');
    expect((await readFailure(provider.unwrap('one', new Uint8Array(3), context))).code).toBe('integrity');
    expect((await readFailure(provider.unwrap('other', cred.wrapped, context))).code).toBe('wrong_key');
    expect((await readFailure(provider.unwrap('third', cred.wrapped, context))).code).toBe('missing_key');
    await configure(['other'], token);
    expect((await readFailure((await openKms()).unwrap('one', cred.wrapped, context))).code).toBe('missing_key');
    await configure(['one', 'lost'], token);
    const rows = await createRows(createMemoryKeyProvider({ keys: { lost: createExampleKey('lost') } }));
    const failure = await readFailure(openRows({ provider: await openKms(), rows, ...timeouts }));
    expect(failure.code).toBe('missing_key');
    expect(failure.message).toContain('The key provider "exec" lacks key "lost"');
    await configure(['lost'], token);
    expect((await readFailure(openKms())).message).toBe('The key helper holds no key.');
  });

  it('K6: takes up a key that was added to the KMS, and wraps a data key anew with it', async () => {
    const { provider, token } = await createKeys(['old']);
    const row = await createKey(provider, 'old', 1, 'cred');
    await callKms('CreateKey', { KeyId: 'new' }, token);
    await configure(['old', 'new'], token);
    await provider.reload();
    expect(await holdsKek(provider, { kekId: 'new', ...(await createKekProbe(provider, 'new')) })).toBe(true);
    const wrapped = await rewrapDataKey({ provider, row, toKekId: 'new', timeoutMs: 20_000 });
    await configure(['new'], token);
    const access = { provider: await openKms(), timeoutMs: 20_000 };
    const dek = await unwrapDataKey(access, { ...row, wrapped, wrappedBy: 'new' });
    expect(dek.length).toBe(32);
  });

  it('K4: opens nothing while the KMS is away; a vault that is open goes on with the keys it has', async () => {
    const { provider } = await createKeys(['kept']);
    const rows = await createKeyRing({ provider, now: exampleNow });
    let stored: readonly KeyRingRow[] = rows;
    const vault = await openVault({ provider, loadRows: async () => stored, ...timeouts });
    const blob = vault.seal(text, exampleContext);
    const added = await createKey(provider, 'kept', 6, 'cred');
    await stopKms();
    const failure = await readFailure(openKms());
    expect([failure.code, failure.message]).toEqual([
      'provider_failed',
      'The key helper cannot reach the keys at the moment.',
    ]);
    expect((await readFailure(openRows({ provider, rows, ...timeouts }))).code).toBe('provider_failed');
    await vault.reload();
    expect(vault.open(blob, exampleContext)).toEqual(text);
    expect(vault.open(vault.seal(text, exampleContext), exampleContext)).toEqual(text);
    stored = [...rows, added];
    expect((await readFailure(vault.reload())).code).toBe('provider_failed');
    expect(vault.sealingKeys()['cred']).toBe(1);
    await startKms(new URL(url).port, 'kept.json');
    await vault.reload();
    expect(vault.sealingKeys()['cred']).toBe(6);
    expect(vault.open(blob, exampleContext)).toEqual(text);
  });

  it('reports a KMS that refuses its token as one that is away', async () => {
    await createKeys(['guarded']);
    await configure(['guarded'], 'wrong');
    expect((await readFailure(openKms())).code).toBe('provider_failed');
  });
});
