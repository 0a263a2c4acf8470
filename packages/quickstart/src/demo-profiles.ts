import type { JsonObject } from './json-object.js';

type NamedProfile = JsonObject & { readonly name: string };

export const demoClientId = 'nexus-demo';
export const demoScopes = ['openid', 'email', 'profile', 'offline_access'] as const;

export function describeDemoProvider(input: { readonly issuer: string; readonly clientSecret: string }): NamedProfile {
  return {
    name: 'demo',
    display_name: 'Demo provider',
    description: 'A real OpenID provider on this machine, for trying things out. Any name signs in.',
    category: 'demo',
    auth_type: 'oauth2',
    issuer: input.issuer,
    enable_discovery: true,
    client_id: demoClientId,
    client_secret: input.clientSecret,
    scopes: [...demoScopes],
    api_base_url: input.issuer,
    user_info_endpoint: `${input.issuer}/me`,
    // OpenID Connect Core, section 11: offline_access is ignored unless consent is asked for.
    params: { prompt: 'consent' },
    downscope: { via: 'refresh' },
  };
}

export function describeDemoKeyProvider(input: { readonly issuer: string }): NamedProfile {
  return {
    name: 'demo-key',
    display_name: 'Demo key',
    description: 'A pretend API on this machine that is used with a static key.',
    category: 'demo',
    auth_type: 'api_key',
    api_base_url: input.issuer,
    credential_schema: {
      type: 'object',
      properties: {
        api_key: {
          type: 'string',
          title: 'API key',
          description: 'This demo accepts every key that starts with demo-, such as demo-123. Do not enter a real key.',
          format: 'password',
        },
      },
      required: ['api_key'],
    },
    probe: { method: 'GET', path: '/demo-key/me' },
  };
}
