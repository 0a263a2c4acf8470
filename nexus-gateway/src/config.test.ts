import { ConfigError } from '@nexus/config/load';
import { createToken } from '@nexus/core/tokens';
import { describe, expect, it } from 'vitest';
import { isPlainHttp, loadGatewaySettings } from './config.js';

const key = { GATEWAY_API_KEY: createToken('nxg') };

function problemsOf(environment: Readonly<Record<string, string>>): Record<string, string> {
  try {
    loadGatewaySettings(environment);
    return {};
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return Object.fromEntries(error.problems.map(({ setting, problem }) => [setting, problem]));
  }
}

describe('loadGatewaySettings', () => {
  it('is in production unless told otherwise, and then needs a public https address', () => {
    expect(problemsOf(key)).toEqual({ PUBLIC_URL: 'is required in production' });
    expect(problemsOf({ ...key, PUBLIC_URL: 'http://127.0.0.1:8090' })).toEqual({
      PUBLIC_URL: 'must be https in production',
    });
    expect(problemsOf({ ...key, PUBLIC_URL: 'https://connect.example.com' })).toEqual({});
  });

  it('allows plain http in development on loopback only', () => {
    const development = { ...key, NEXUS_ENV: 'development' };
    expect(problemsOf({ ...development, PUBLIC_URL: 'http://gateway.internal' })).toHaveProperty('PUBLIC_URL');
    for (const url of ['http://localhost:1', 'http://127.0.0.1:1', 'http://[::1]:1', 'http://nexus.localhost:1']) {
      const { config } = loadGatewaySettings({ ...development, PUBLIC_URL: url });
      expect([config.publicUrl, isPlainHttp(config)]).toEqual([url, true]);
    }
    expect(loadGatewaySettings({ ...development, GATEWAY_PORT: '9999' }).config.publicUrl).toBe(
      'http://127.0.0.1:9999',
    );
  });

  it.each([
    ['PUBLIC_URL', 'https://connect.example.com/nexus'],
    ['PUBLIC_URL', 'https://user@connect.example.com'],
    ['BROKER_URL', 'http://broker.internal:8080'],
    ['BROKER_URL', 'https://broker.internal/path'],
    ['CORS_ALLOWED_ORIGINS', '*'],
    ['CORS_ALLOWED_ORIGINS', 'https://app.example/path'],
    ['TRUSTED_PROXIES', 'proxy.internal'],
    ['GATEWAY_API_KEY', createToken('nxa')],
    ['REQUIRE_CALLER_AUTH', 'yes'],
  ])('refuses %s=%s', (setting, value) => {
    const environment = { ...key, PUBLIC_URL: 'https://connect.example.com', [setting]: value };
    expect(problemsOf(environment)).toHaveProperty(setting);
  });

  it('refuses half a client certificate', () => {
    const environment = { ...key, PUBLIC_URL: 'https://connect.example.com', BROKER_CLIENT_CERT_FILE: 'cert.pem' };
    expect(problemsOf(environment)).toHaveProperty('BROKER_CLIENT_KEY_FILE');
  });

  it('has the defaults of the reference', () => {
    const { config } = loadGatewaySettings({ ...key, PUBLIC_URL: 'https://connect.example.com/' });
    expect(config).toMatchObject({
      gatewayHost: '127.0.0.1',
      gatewayPort: 8090,
      publicUrl: 'https://connect.example.com',
      brokerUrl: 'http://127.0.0.1:8080',
      brokerConnections: 1024,
      trustedProxies: [],
      corsAllowedOrigins: [],
      requireCallerAuth: false,
      metadataRequiresKey: false,
    });
  });
});
