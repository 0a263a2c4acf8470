import { describe, expect, it } from 'vitest';
import { buildContract } from './contract.js';

const contract = buildContract();

describe('buildContract', () => {
  it('needs no configuration, Broker or network, and is the same every time', () => {
    expect(contract.openapi).toBe('3.0.3');
    expect(buildContract()).toEqual(contract);
  });

  it('holds the frozen operations of the reference', () => {
    const operations = Object.entries(contract.paths).flatMap(([path, item]) =>
      Object.keys(item as object).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(operations).toEqual(
      expect.arrayContaining([
        'POST /v1/request-connection',
        'GET /v1/check-connection/{id}',
        'GET /v1/token/{id}',
        'POST /v1/refresh/{id}',
        'GET /v1/capture-schema',
        'POST /v1/capture-credential',
        'POST /v1/agent-sessions',
        'GET /v1/agent-sessions/{id}',
        'DELETE /v1/agent-sessions/{id}',
        'POST /v1/agent-sessions/obo',
        'GET /v1/providers',
        'GET /v1/providers/metadata',
        'POST /v1/providers',
        'GET /v1/providers/{id}',
        'PATCH /v1/providers/{id}',
        'DELETE /v1/providers/{id}',
        'GET /v1/health',
      ]),
    );
  });

  it('shows an example of every body and gives every operation a name, a tag and a rule for keys', () => {
    const schemas = contract.components?.schemas ?? {};
    for (const item of Object.values(contract.paths)) {
      for (const operation of Object.values(item as Record<string, Record<string, unknown>>)) {
        expect(operation).toMatchObject({ operationId: expect.any(String), summary: expect.any(String) });
        expect(operation['tags']).toHaveLength(1);
        expect(operation['security']).toBeInstanceOf(Array);
      }
    }
    const schemes = Object.keys(contract.components?.securitySchemes ?? {});
    expect(schemes.sort()).toEqual(['AgentClient', 'ApiKey', 'SessionToken']);
    const withoutExample = ['ErrorCode', 'Reason', 'ConnectionStatus', 'Account', 'Strategy', 'AuthType'];
    const nested = ['ConnectionSummary', 'ProviderCard', 'ProviderList'];
    const missing = Object.entries(schemas).filter(([, schema]) => !('example' in schema));
    expect(missing.map(([name]) => name).sort()).toEqual([...withoutExample, ...nested].sort());
  });
});
