import { expect, it } from 'vitest';
import { hideSecrets } from './credential.js';

const payload = {
  strategy: { type: 'oauth2' },
  credentials: {},
  scope: '',
  expires_at: null,
  provider: 'acme',
  provider_name: 'acme',
  connection_ref: '01JA5M3N7Q0V8X2Y4Z6B8D0F2H',
  api_base_url: null,
};
const hide = (credentials: Readonly<Record<string, unknown>>) => hideSecrets({ ...payload, credentials }).credentials;

it('shows the ends of a credential where they are little of it', () => {
  expect(hide({ access_token: 'fixture-access-token-0123456789' })).toEqual({ access_token: 'fixt…6789' });
  expect(hide({ api_key: 'fixture-23-characters-x' })).toEqual({ api_key: '••••' });
});

it('shows what opens nothing, and hides every other field, whatever it is', () => {
  expect(hide({ token_type: 'Bearer', expires_at: 17, password: 'x', key: { nested: 'fixture' }, pin: 1234 })).toEqual({
    token_type: 'Bearer',
    expires_at: 17,
    password: '••••',
    key: '••••',
    pin: '••••',
  });
});
