import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JsonRequest, SendJson } from './json-client.js';
import type { JsonObject } from './json-object.js';
import { registerProvider } from './register-provider.js';

const access = { url: 'http://broker.test', adminKey: 'fixture-admin-key', adminKeyFile: '/data/admin.key' };
const profile = {
  name: 'demo',
  client_secret: 'fixture-secret',
  scopes: ['openid', 'email'],
  probe: { path: '/me' },
};

let directory: string;
let requests: JsonRequest[];
let rows: JsonObject[];

/** As much of the Broker's provider resource as registering needs: it adds fields of its own and hides the secret. */
const send: SendJson = async (request) => {
  requests.push(request);
  const { client_secret: secret, ...shown } = (request.body ?? {}) as JsonObject;
  if (request.method === 'POST') {
    const row = { id: 'p1', category: null, ...shown, probe: { method: 'GET', path: '/me' }, client_secret_set: true };
    rows = [row];
    return { status: 201, body: row };
  }
  if (request.method === 'PATCH') {
    const row = { ...rows[0], ...shown, ...(secret === undefined ? {} : { client_secret_set: true }) };
    rows = [row];
    return { status: 200, body: row };
  }
  return { status: 200, body: rows };
};

function register(wanted: JsonObject & { readonly name: string } = profile) {
  const memoryFile = join(directory, 'registered.json');
  const signal = new AbortController().signal;
  return registerProvider({ send, access, memoryFile }, { profile: wanted, signal });
}

function listChangedFields(): string[] {
  return Object.keys(requests.find(({ method }) => method === 'PATCH')?.body ?? {});
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nexus-register-'));
  requests = [];
  rows = [{ id: 'other', name: 'other' }];
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

describe('registerProvider', () => {
  it('creates a provider that does not exist, with the admin key', async () => {
    expect(await register()).toBe('created');
    expect(requests.at(-1)).toMatchObject({ method: 'POST', apiKey: access.adminKey, body: profile });
  });

  it('changes nothing at a second start, though the Broker shows more fields and no secret', async () => {
    await register();
    requests = [];
    expect(await register()).toBe('unchanged');
    expect(requests.map(({ method }) => method ?? 'GET')).toEqual(['GET']);
  });

  it('changes only the fields that differ', async () => {
    await register();
    requests = [];
    expect(await register({ ...profile, scopes: ['openid'] })).toBe('changed');
    expect(listChangedFields()).toEqual(['scopes']);
  });

  it('brings a provider of an earlier version up to date', async () => {
    await register();
    requests = [];
    const wanted = { ...profile, downscope: { via: 'refresh' } };
    expect(await register(wanted)).toBe('changed');
    expect(listChangedFields()).toEqual(['downscope']);
    expect(await register(wanted)).toBe('unchanged');
  });

  it('sends a secret again that is not the one it registered', async () => {
    await register();
    requests = [];
    expect(await register({ ...profile, client_secret: 'fixture-new-secret' })).toBe('changed');
    expect(listChangedFields()).toEqual(['client_secret']);
    expect(await register({ ...profile, client_secret: 'fixture-new-secret' })).toBe('unchanged');
  });

  it('passes on what the Broker has to say, and explains a key of another installation', async () => {
    const refuse =
      (status: number): SendJson =>
      async () => ({ status, body: { message: 'No such thing.' } });
    const input = { profile, signal: new AbortController().signal };
    const memoryFile = join(directory, 'registered.json');
    await expect(registerProvider({ send: refuse(422), access, memoryFile }, input)).rejects.toThrow('No such thing.');
    await expect(registerProvider({ send: refuse(401), access, memoryFile }, input)).rejects.toThrow('/data/admin.key');
  });
});
