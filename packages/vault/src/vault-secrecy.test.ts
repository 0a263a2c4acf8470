import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { openEnvKey } from './env-key-provider.js';
import { openExecKeys } from './exec-key-provider.js';
import { createKekProbe } from './kek-probe.js';
import { createDataKey, createKeyRing } from './key-ring.js';
import { createMemoryKeyProvider } from './memory-key-provider.js';
import { OpenedRing } from './opened-ring.js';
import { SigningKey } from './signing-key.js';
import { unwrapKeyRing } from './unwrapped-keys.js';
import { asSealedBlob, openJson, sealJson } from './vault.js';
import { createExampleKey, createRows, exampleContext, exampleNow, flipBit, openRows } from './vault-fixture.js';

const kek = createExampleKey('kek');
const encodedKek = Buffer.from(kek).toString('base64');
const secretText = 'hunter2-refresh-token';

/** What 32 key bytes look like when printed, after `compact`: as text, as a Buffer, as a list of numbers. */
function listForms(key: Uint8Array): string[] {
  const buffer = Buffer.from(key);
  const [hex, base64] = [buffer.toString('hex'), buffer.toString('base64')];
  return [hex.slice(0, 16), base64.slice(0, 40), buffer.toString('base64url').slice(0, 40), key.slice(0, 6).join(',')];
}

/** Removes what printing adds between bytes: white space, and the index names of JSON. */
function compact(shown: string): string {
  return shown.replace(/\s+/g, '').replace(/"\d+":/g, '');
}

/** A program that gives the key-encryption key away in every answer, as data key, wrapped key and words. */
function helperOf(answer: Readonly<Record<string, unknown>>) {
  const script = `cat > /dev/null; echo '${JSON.stringify(answer)}'; echo '${encodedKek}' >&2`;
  return { command: ['/bin/sh', '-c', script], timeoutMs: 10_000, environment: { NEXUS_KMS_TOKEN: encodedKek } };
}

async function createSubjects() {
  const provider = createMemoryKeyProvider({ keys: { 'kek-1': kek } });
  const rows = await createRows(provider);
  const vault = await openRows({ provider, rows });
  return { provider, rows, vault };
}

/** What the vault and the providers are made of, where nothing outside of the package can reach it. */
async function createParts() {
  const { provider, rows, vault } = await createSubjects();
  const unwrapped = await unwrapKeyRing({ provider, timeoutMs: 1000 }, rows);
  const listed = { primary: 'kek-1', keys: [{ id: 'kek-1', created_at: exampleNow }] };
  return [
    openEnvKey(encodedKek),
    await openExecKeys(helperOf({ ...listed, data_key: encodedKek })),
    unwrapped,
    new OpenedRing(unwrapped),
    new SigningKey(createExampleKey('dek 5')),
    vault.sign(new Uint8Array(1)),
    vault.publicKeys(),
    vault.sealingKeys(),
    await createKekProbe(provider, 'kek-1'),
    await createDataKey({ provider, kekId: 'kek-1', id: 6, purpose: 'checkpoint', now: exampleNow, state: 'active' }),
  ];
}

const keys = [kek, ...[1, 2, 3, 4, 5].map((id) => createExampleKey(`dek ${id}`))];
const forms = keys.flatMap(listForms);

function expectNoSecrets(shown: string): void {
  for (const form of forms) expect(compact(shown).includes(form)).toBe(false);
  expect(shown.includes(secretText)).toBe(false);
}

describe('key material', () => {
  it('K12: would be recognised by these tests if it were printed', () => {
    const printed = [inspect(kek), inspect(Buffer.from(kek)), JSON.stringify({ kek }), String(kek)];
    const encoded = (['hex', 'base64', 'base64url'] as const).map((encoding) => Buffer.from(kek).toString(encoding));
    for (const text of [...printed, ...encoded]) {
      expect(forms.some((form) => compact(text).includes(form))).toBe(true);
    }
  });

  it('K12: is not in inspect, with any options', async () => {
    const subjects = await createSubjects();
    for (const showHidden of [false, true]) {
      for (const customInspect of [false, true]) {
        for (const subject of [subjects, subjects.vault, subjects.provider, [subjects]]) {
          const options = { depth: null, showHidden, customInspect, getters: true, maxArrayLength: null };
          expectNoSecrets(inspect(subject, options));
        }
      }
    }
  });

  it('K12: is not in JSON, string conversion or enumeration', async () => {
    const { provider, rows, vault } = await createSubjects();
    expect(JSON.stringify(vault)).toBe('{}');
    expect(JSON.stringify(provider)).toBe('{"id":"memory"}');
    expect(Reflect.ownKeys(vault)).toEqual([]);
    expect({ ...vault }).toEqual({});
    expectNoSecrets(JSON.stringify(rows) + String(vault) + String(provider));
  });

  it('K12: is not in the parts of a vault or of its providers', async () => {
    for (const part of await createParts()) {
      for (const customInspect of [false, true]) {
        const options = { depth: null, showHidden: true, customInspect, getters: true, maxArrayLength: null };
        expectNoSecrets(inspect(part, options) + JSON.stringify(part) + String(part));
      }
    }
  });

  it('K12: is not in what a provider lists', async () => {
    const { provider } = await createSubjects();
    expectNoSecrets(inspect(await provider.keys(), { depth: null }));
  });

  it('K12: is not in the rows of a new ring', async () => {
    const drawn: Uint8Array[] = [];
    const random = (size: number) => {
      const bytes = createExampleKey(`random ${drawn.length}`).slice(0, size);
      drawn.push(new Uint8Array(bytes));
      return bytes;
    };
    const provider = createMemoryKeyProvider({ keys: { 'kek-1': kek } });
    const rows = await createKeyRing({ provider, now: exampleNow, random });
    expect(drawn.length).toBe(5);
    for (const row of rows) {
      for (const dek of drawn) expect(Buffer.from(row.wrapped).includes(Buffer.from(dek))).toBe(false);
      for (const dek of drawn) expect(Buffer.from(row.kcv).includes(Buffer.from(dek.subarray(0, 4)))).toBe(false);
    }
  });
});

describe('errors', () => {
  it('K12: of opening and sealing show no key, no plaintext and no cause', async () => {
    const { vault } = await createSubjects();
    const blob = sealJson(vault, { refresh_token: secretText }, exampleContext);
    const noJson = vault.seal(new TextEncoder().encode(secretText), exampleContext);
    const actions = [
      () => openJson(vault, asSealedBlob(flipBit(blob, 50)), exampleContext),
      () => openJson(vault, blob, { ...exampleContext, purpose: 'flow' }),
      () => openJson(vault, blob, { ...exampleContext, rowId: '\ud800' }),
      () => openJson(vault, noJson, exampleContext),
      () => openJson(vault, asSealedBlob(flipBit(blob, 6)), exampleContext),
      () => asSealedBlob(new TextEncoder().encode(secretText.padEnd(304))),
      () => vault.seal(new TextEncoder().encode(secretText), { ...exampleContext, version: -1 }),
    ];
    for (const action of actions) {
      let shown = '';
      try {
        await action();
      } catch (error) {
        shown = inspect(error, { depth: null, showHidden: true });
        expect((error as Error).cause).toBeUndefined();
      }
      expect(shown).toContain('VaultError');
      expectNoSecrets(shown);
    }
  });

  it('K12: of a key helper and of the environment show no key', async () => {
    const listed = { primary: 'kek-1', keys: [{ id: 'kek-1', created_at: exampleNow }] };
    const bytes = new Uint8Array(32);
    const helpers = [
      { ...listed, error: encodedKek },
      { ...listed, primary: encodedKek },
      { primary: 'kek-1', keys: [{ id: encodedKek, created_at: exampleNow }] },
      { primary: 'kek-1', keys: encodedKek },
    ].map(helperOf);
    const crashing = { ...helperOf({}), command: ['/bin/sh', '-c', `echo '${encodedKek}'; exit 9`, encodedKek] };
    const missing = { ...helperOf({}), command: [`/nonexistent/${encodedKek}`, encodedKek] };
    const wrongKey = await openExecKeys(helperOf({ ...listed, data_key: `${encodedKek}x`, wrapped: `${encodedKek}x` }));
    const actions = [
      ...[...helpers, crashing, missing].map((helper) => () => openExecKeys(helper)),
      () => wrongKey.unwrap('kek-1', bytes, {}),
      () => wrongKey.wrap('kek-1', bytes, {}),
      async () => openEnvKey(`${encodedKek}x`),
      async () => openEnvKey(encodedKek.slice(0, -4)),
    ];
    for (const action of actions) {
      const error = await action().catch((caught: unknown) => caught);
      const shown = inspect(error, { depth: null, showHidden: true });
      expect(shown).toContain('VaultError');
      expect((error as Error).cause).toBeUndefined();
      expectNoSecrets(shown);
    }
  });

  it('K12: of opening the vault show no key', async () => {
    const { rows } = await createSubjects();
    const wrong = createMemoryKeyProvider({ keys: { 'kek-1': createExampleKey('other') } });
    const none = createMemoryKeyProvider({ keys: { 'kek-2': kek } });
    for (const provider of [wrong, none]) {
      const error = await openRows({ provider, rows }).catch((caught: unknown) => caught);
      const shown = inspect(error, { depth: null, showHidden: true });
      expect(shown).toContain('VaultError');
      expectNoSecrets(shown);
    }
  });
});

describe('a sealed value', () => {
  it('K12: shows nothing of its plaintext', async () => {
    const { vault } = await createSubjects();
    const blob = sealJson(vault, { refresh_token: secretText }, exampleContext);
    expect(Buffer.from(blob).includes(secretText)).toBe(false);
    expect(Buffer.from(blob).includes('refresh')).toBe(false);
  });

  it('K12: shows nothing of its context', async () => {
    const { vault } = await createSubjects();
    const blob = Buffer.from(sealJson(vault, {}, exampleContext));
    for (const part of [exampleContext.table, exampleContext.rowId, exampleContext.issuedOrigin]) {
      expect(blob.includes(part)).toBe(false);
    }
  });
});
