/** Bodies that a registration accepts, as JSON: each test changes the one field it is about. */
export const oauthBody = {
  name: 'acme',
  auth_type: 'oauth2',
  client_id: 'client-1',
  client_secret: 'fixture-secret',
  auth_url: 'https://acme.example/authorize',
  token_url: 'https://acme.example/token',
  scopes: ['read', 'write'],
};

export const issuerBody = {
  name: 'acme-id',
  auth_type: 'oauth2',
  client_id: 'client-1',
  client_secret: ['fixture-secret-new', 'fixture-secret-old'],
  issuer: 'https://id.acme.example',
  scopes: ['openid', 'email'],
};

export const keyBody = {
  name: 'acme-key',
  auth_type: 'api_key',
  api_base_url: 'https://api.acme.example/v1',
  user_info_endpoint: '/me',
};
