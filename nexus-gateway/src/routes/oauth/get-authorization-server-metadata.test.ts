import { describe, expect, it } from 'vitest';
import { AuthorizationServerMetadata } from '../../schemas/v1/oauth.js';
import { openWorld, publicUrl } from '../../testing/world.js';

describe('getAuthorizationServerMetadata', () => {
  it('names what there is, and nothing that there is not', async () => {
    await using world = await openWorld();
    const response = await world.send('GET', '/.well-known/oauth-authorization-server');
    expect(response.status).toBe(200);
    expect(AuthorizationServerMetadata.strict().parse(await response.json())).toEqual({
      issuer: publicUrl,
      token_endpoint: `${publicUrl}/v1/oauth/token`,
      introspection_endpoint: `${publicUrl}/v1/oauth/introspect`,
      revocation_endpoint: `${publicUrl}/v1/oauth/revoke`,
      token_endpoint_auth_methods_supported: ['client_secret_basic'],
      introspection_endpoint_auth_methods_supported: ['client_secret_basic'],
      revocation_endpoint_auth_methods_supported: ['client_secret_basic'],
      grant_types_supported: ['urn:ietf:params:oauth:grant-type:token-exchange'],
      response_types_supported: ['none'],
    });
    expect(world.broker.calls).toEqual([]);
  });

  it('leads to endpoints that exist, whatever Host the request names', async () => {
    await using world = await openWorld();
    const headers = { Host: 'evil.example', 'X-Forwarded-Host': 'evil.example' };
    const response = await world.send('GET', '/.well-known/oauth-authorization-server', { headers });
    const metadata = AuthorizationServerMetadata.parse(await response.json());
    for (const endpoint of [metadata.token_endpoint, metadata.introspection_endpoint, metadata.revocation_endpoint]) {
      expect(endpoint.startsWith(`${metadata.issuer}/`)).toBe(true);
      const answer = await world.send('POST', endpoint.slice(metadata.issuer.length), { form: {} });
      expect(answer.status).toBe(401);
    }
  });
});
