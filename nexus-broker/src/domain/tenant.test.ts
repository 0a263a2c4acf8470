import { expect, it } from 'vitest';
import { createProvider, readQuirks } from '../oauth/provider-fixture.js';
import { placeProvider } from './profile-places.js';
import { findMovedInputs, findTenantHost } from './tenant.js';

const provider = createProvider({
  authUrl: 'https://login.tenants.example/{team}/authorize',
  tokenUrl: 'https://{sub}.tenants.example:8443/token',
  apiBaseUrl: 'https://{region}.api.example',
  ...readQuirks({
    inputs: { sub: { title: 'Subdomain' }, team: { title: 'Team' }, region: { title: 'Region', default: 'eu' } },
  }),
});

it.each([
  [{ sub: 'acme' }, { sub: 'evil' }, ['sub']],
  [{ sub: 'acme' }, { sub: 'ACME' }, []],
  [{ sub: 'acme' }, {}, ['sub']],
  [{}, { sub: 'acme' }, []],
  [{ team: 'a' }, { team: 'b' }, []],
  [{}, { region: 'us' }, ['region']],
  [{ region: 'eu' }, {}, []],
  [{ sub: 'acme', region: 'us' }, { sub: 'evil', region: 'eu' }, ['sub', 'region']],
])('tells the tenants of %j and %j apart by %j', (before, after, moved) => {
  expect(findMovedInputs(provider, before, after)).toEqual(moved);
  expect(findMovedInputs(placeProvider(provider, before), before, after)).toEqual(moved);
});

it.each([
  [{ sub: 'Acme', team: 't' }, 'acme.tenants.example:8443'],
  [{ team: 't' }, 'eu.api.example'],
])('names the host of %j', (inputs, host) => {
  expect(findTenantHost(placeProvider(provider, inputs))).toBe(host);
});

it('names none where no input stands in one', () => {
  const lifted = { account: { values: { dc: { from: 'token', path: 'dc', default: 'us1' } } } };
  const plain = createProvider({
    tokenUrl: 'https://tenants.example/token',
    apiBaseUrl: 'https://{dc}.tenants.example',
  });
  expect(findTenantHost(plain)).toBeNull();
  expect(
    findTenantHost(placeProvider({ ...plain, profile: { ...plain.profile, ...readQuirks(lifted) } }, {})),
  ).toBeNull();
});
