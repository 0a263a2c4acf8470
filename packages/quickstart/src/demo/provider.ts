import { Provider } from 'oidc-provider';
import { demoClientId, demoScopes } from '../demo-profiles.js';
import { findAccount } from './account.js';
import { pageHeaders } from './exchange.js';
import type { DemoKeys } from './keys.js';
import { renderProblemPage } from './pages.js';
import type { DemoStore } from './store.js';

export const clientName = 'Nexus';

export interface DemoProviderSettings {
  readonly issuer: string;
  readonly clientSecret: string;
  readonly redirectUri: string;
  readonly accessTokenSeconds: number;
}

const day = 24 * 60 * 60;

function describeLifetimes(accessTokenSeconds: number): { readonly [model: string]: number } {
  return {
    AccessToken: accessTokenSeconds,
    AuthorizationCode: 60,
    IdToken: 10 * 60,
    Interaction: 15 * 60,
    Session: 14 * day,
    Grant: 90 * day,
    RefreshToken: 30 * day,
  };
}

// One client is all there is, so every token is its own to ask about and to revoke.
const features = {
  devInteractions: { enabled: false },
  dPoP: { enabled: false },
  introspection: { enabled: true, allowedPolicy: () => true },
  pushedAuthorizationRequests: { enabled: false },
  resourceIndicators: { enabled: false },
  revocation: { enabled: true, allowedPolicy: () => true },
  rpInitiatedLogout: { enabled: false },
  userinfo: { enabled: true },
};

/** A real OpenID provider with one client, whose state is in `store` and `keys`. */
export function createDemoProvider(
  deps: { readonly store: DemoStore; readonly keys: DemoKeys },
  settings: DemoProviderSettings,
): Provider {
  return new Provider(settings.issuer, {
    adapter: (model: string) => deps.store.createAdapter(model),
    jwks: deps.keys.jwks,
    cookies: {
      keys: deps.keys.cookieKeys,
      // Cookies ignore ports: names of its own keep them apart from those of the Gateway on the same host.
      names: { session: 'demo_session', interaction: 'demo_interaction', resume: 'demo_resume' },
    },
    clients: [
      {
        client_id: demoClientId,
        client_secret: settings.clientSecret,
        client_name: clientName,
        redirect_uris: [settings.redirectUri],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'client_secret_basic',
      },
    ],
    scopes: [...demoScopes],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'preferred_username'] },
    // With the claims in the ID token, as at most providers, the connection gets a label a person recognises.
    conformIdTokenClaims: false,
    clockTolerance: 0,
    features,
    ttl: describeLifetimes(settings.accessTokenSeconds),
    pkce: { required: () => true },
    issueRefreshToken: () => true,
    rotateRefreshToken: true,
    expiresWithSession: () => false,
    clientBasedCORS: () => false,
    findAccount: (_context: unknown, accountId: string) => findAccount(accountId),
    interactions: {
      url: (_context: unknown, interaction: { readonly uid: string }) => `/interaction/${interaction.uid}`,
    },
    renderError: (context: { type: string; body: unknown; set(headers: object): void }, out: { error: string }) => {
      context.set(pageHeaders);
      context.type = 'html';
      context.body = renderProblemPage(
        'This request cannot be continued',
        `The application's request was not accepted (${out.error}). Go back to the application and start again.`,
      );
    },
  });
}
