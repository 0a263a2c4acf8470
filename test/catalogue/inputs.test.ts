import type { BrokerAnswer } from '@nexus/broker/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CatalogueWorld, openCatalogueWorld } from './catalogue-world.js';
import { createTemplateProvider } from './template-provider.js';
import { isOauth, loadTemplates, type Profile, type TemplateUnderTest } from './templates.js';

const templates = (await loadTemplates()).filter(({ profile }) => profile.inputs !== undefined);
const client = { id: 'client', secret: 'fixture-secret' };

/** None of them is a label of a host, a host that anybody lists, or a part of a path. */
const hostile = [
  '',
  '.',
  '..',
  'a/b',
  'a\\b',
  'a?b',
  'a#b',
  'a@evil.example',
  'evil.example/',
  'evil.example:8443',
  'https://evil.example',
  '//evil.example',
  '[::1]',
  'a%2fb',
  'a b',
  'a\u0007b',
  'a\nb',
  'ａ',
  '{client_id}',
  'x'.repeat(254),
];

type Input = NonNullable<Profile['inputs']>[string];

/** Every choice there is, and of a suffix one host below it. */
function listChoices(input: Input): readonly string[] {
  const hosts = (input.allowed_hosts ?? []).map((host) => (host.startsWith('.') ? `acme${host}` : host));
  return input.options ?? hosts;
}

/** A parameter takes any text; an address does not. */
function isInAddress({ params: _, token_request: __, ...profile }: Profile, name: string): boolean {
  return JSON.stringify(profile).includes(`{${name}}`);
}

describe('inputs of templates', () => {
  let world: CatalogueWorld;
  beforeAll(async () => {
    world = await openCatalogueWorld();
    for (const { name, profile } of templates) {
      const isConfidential = profile.auth_type === 'oauth2' && profile.token_endpoint_auth_method !== 'none';
      const body = {
        template: name,
        ...(profile.auth_type === 'oauth2' ? { client_id: client.id } : {}),
        ...(isConfidential ? { client_secret: client.secret } : {}),
      };
      expect(await world.broker.direct('POST', '/admin/v1/providers', body)).toMatchObject({ status: 201 });
    }
  });
  afterAll(() => world.close());

  const request = (name: string, inputs: Readonly<Record<string, string>>): Promise<BrokerAnswer> =>
    world.broker.asGateway('/internal/v1/connections/request', {
      workspace_id: 'workspace',
      provider_name: name,
      return_url: world.broker.returnUrl,
      inputs,
    });

  async function openPage(under: TemplateUnderTest, inputs: Readonly<Record<string, string>>): Promise<void> {
    const asked = await request(under.name, inputs);
    expect(asked, JSON.stringify(inputs)).toMatchObject({ status: 200 });
    if (!isOauth(under)) return;
    const provider = createTemplateProvider(
      { ...under, tests: { ...under.tests, inputs } },
      { client, nowMs: Date.now },
    );
    world.internet.serve(provider.site);
    const ticket = String(asked.body['state']);
    const opened = await world.broker.asGateway('/internal/v1/flows/continue', { ticket, cookies: {} });
    provider.authorize(String(opened.body['redirect_to']));
    provider.faults.expectNone();
  }

  for (const under of templates) {
    const inputs = Object.entries(under.profile.inputs ?? {});
    const given = { ...under.tests.inputs };

    it(`${under.name}: each choice leads to a page of its own, and nothing else is taken`, async () => {
      for (const [name, input] of inputs) {
        for (const choice of listChoices(input)) await openPage(under, { ...given, [name]: choice });
        for (const value of isInAddress(under.profile, name) ? hostile : []) {
          const refused = await request(under.name, { ...given, [name]: value });
          expect(refused.status, JSON.stringify(value)).toBe(400);
          expect(JSON.stringify(refused.body), JSON.stringify(value)).toContain(`inputs.${name}`);
        }
      }
      expect((await request(under.name, { ...given, unheard_of: 'a' })).status).toBe(400);
      const required = inputs.filter(([, { default: value }]) => value === undefined).map(([name]) => name);
      expect((await request(under.name, {})).status).toBe(required.length === 0 ? 200 : 400);
    });
  }
});
