import { listTemplates, type Template } from '@nexus/catalogue/templates';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { readRequirements, toManifest } from './requirements.js';

const template: Template = {
  name: 'acme-desk',
  digest: '0000000000000000',
  displayName: 'Acme Desk',
  category: 'support',
  authType: 'oauth2',
  aliases: [],
  sources: [],
  verifiedOn: null,
  notes: [],
  profile: {},
};

it('tells who provides what', () => {
  const inputs = {
    subdomain: { title: 'Subdomain' },
    region: { title: 'Region', default: 'eu', options: ['eu', 'us'] },
  };
  expect(readRequirements({ ...template, profile: { inputs } })).toEqual({
    client: ['client_id', 'client_secret'],
    inputs: [
      { name: 'subdomain', title: 'Subdomain', default: null, options: [] },
      { name: 'region', title: 'Region', default: 'eu', options: ['eu', 'us'] },
    ],
    credentials: [],
  });
  const open = { ...template, profile: { token_endpoint_auth_method: 'none' } };
  expect(readRequirements(open).client).toEqual(['client_id']);
  const schema = { properties: { api_key: { title: 'API key' }, region: {} } };
  const byKey = { ...template, authType: 'api_key', profile: { credential_schema: schema } };
  expect(readRequirements(byKey)).toEqual({ client: [], inputs: [], credentials: ['API key', 'region'] });
});

it('writes what registers a template', () => {
  expect(toManifest(template, readRequirements(template))).toEqual([
    'providers:',
    '  - template: acme-desk',
    `    client_id: \${ACME_DESK_CLIENT_ID}`,
    `    client_secret: \${ACME_DESK_CLIENT_SECRET}`,
  ]);
});

it('asks for something in every template, in YAML', () => {
  for (const each of listTemplates()) {
    const requirements = readRequirements(each);
    expect([each.name, requirements.client.length + requirements.credentials.length > 0]).toEqual([each.name, true]);
    const { providers } = parse(toManifest(each, requirements).join('\n'));
    expect(providers).toMatchObject([{ template: each.name }]);
    expect(Object.keys(providers[0])).toEqual(['template', ...requirements.client]);
  }
});
