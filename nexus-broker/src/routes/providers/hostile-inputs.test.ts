/** OWASP API7:2023: what a person gives for a connection must not decide which host the Broker talks to. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ChangingCatalogue,
  createTemplate,
  type Json,
  openProviderWorld,
  type ProviderWorld,
} from './provider-routes-fixture.js';

const base = { display_name: 'Acme', auth_type: 'oauth2', scopes: [] };
const allowed_hosts = ['login.acme.example', '.my.acme.example'];
const templates = [
  createTemplate('label', {
    ...base,
    inputs: { place: { title: 'Subdomain' } },
    auth_url: 'https://{place}.acme.example/authorize',
    token_url: 'https://{place}.acme.example/token',
  }),
  createTemplate('host', {
    ...base,
    inputs: { place: { title: 'Host', allowed_hosts } },
    auth_url: 'https://{place}/authorize',
    token_url: 'https://{place}/token',
  }),
  createTemplate('origin', {
    ...base,
    inputs: { place: { title: 'Address', allowed_hosts } },
    auth_url: '{place}/authorize',
    token_url: '{place}/token',
  }),
  createTemplate('path', {
    ...base,
    inputs: { place: { title: 'Tenant' } },
    auth_url: 'https://acme.example/{place}/authorize',
    token_url: 'https://acme.example/{place}/token',
  }),
];

let world: ProviderWorld;

beforeAll(async () => {
  world = await openProviderWorld(new ChangingCatalogue(...templates));
  for (const { name } of templates) {
    const body = { template: name, client_id: 'c', client_secret: 'fixture-secret' };
    expect((await world.send('POST', '/admin/v1/providers', body)).status).toBe(201);
  }
});
afterAll(() => world.close());

async function request(provider_name: string, inputs: Json | null) {
  const body = { workspace_id: 'w', provider_name, return_url: 'http://127.0.0.1:1/', ...(inputs && { inputs }) };
  const { status, body: answer } = await world.send('POST', '/internal/v1/connections/request', body, 'gateway');
  return [status, answer.details?.[0]?.path ?? null];
}

const everywhere = [
  'evil.com/',
  '@evil.com',
  'a@b',
  'evil.com#',
  'evil.com?',
  'x\\',
  'a b',
  'é',
  'ⓔvil',
  'a\u007f',
  '\n',
  '',
];
const hosts = [
  'a.b',
  '..',
  '.',
  'a:443',
  '127.0.0.1',
  '[::1]',
  '0x7f000001.',
  '-a',
  'a-',
  'a_b',
  '%2e',
  '{place}',
  'x'.repeat(64),
];

describe('B14: a hostile value for a placeholder', () => {
  it.each([...everywhere, ...hosts])('cannot be the label of a host: %j', async (place) => {
    expect(await request('label', { place })).toEqual([400, 'inputs.place']);
  });

  it.each([
    ...[...everywhere, ...hosts],
    ...['evil.com', 'login.acme.example.evil.com', 'evilmy.acme.example', '.my.acme.example', 'my.acme.example'],
    ...['login.acme.example:8443', 'login.acme.example.', 'https://login.acme.example', 'lоgin.acme.example'],
  ])('cannot be a whole host: %j', async (place) => {
    expect(await request('host', { place })).toEqual([400, 'inputs.place']);
  });

  it.each([
    ...[...everywhere, ...hosts, 'login.acme.example', 'http://login.acme.example', 'https://evil.com'],
    ...['https://login.acme.example:8443', 'https://login.acme.example/x', 'https://login.acme.example?x'],
    ...['https://x@login.acme.example', 'https://evil.com/.my.acme.example', 'https://evil.com#.my.acme.example'],
    ...['https:login.acme.example', 'https:///login.acme.example', 'https://127.0.0.1', 'javascript:alert(1)'],
  ])('cannot be a whole origin: %j', async (place) => {
    expect(await request('origin', { place })).toEqual([400, 'inputs.place']);
  });

  it.each(['..', '.', '', 'a\u007f', '\n', 'x'.repeat(254)])('cannot climb out of its path: %j', async (place) => {
    expect(await request('path', { place })).toEqual([400, 'inputs.place']);
  });

  it.each([
    ['label', 'Acme-1'],
    ['host', 'login.acme.example'],
    ['host', 'Team.my.acme.example'],
    ['origin', 'https://team.my.acme.example'],
    ['path', '../x?y#z'],
  ])('is accepted of %s where it is harmless: %s', async (provider, place) => {
    expect(await request(provider, { place })).toEqual([200, null]);
  });

  it('is missed where it is missing, and refused where nobody asked', async () => {
    expect(await request('label', null)).toEqual([400, 'inputs.place']);
    expect(await request('label', { place: 'a', other: 'b' })).toEqual([400, 'inputs.other']);
    expect(await request('label', { place: 'a', constructor: 'b' })).toEqual([400, 'inputs.constructor']);
    // What no body may hold is refused before anybody reads it.
    for (const body of ['{"place":"a","__proto__":"b"}', '{"place":"a\\u0000"}']) {
      expect(await request('label', JSON.parse(body))).toEqual([400, null]);
    }
  });
});
