import { NexusError } from '@nexus/core/errors';
import { describe, expect, it } from 'vitest';
import { credentialFields, describeFields, readStrategy, resolveStrategy, strategyTypes } from './strategy.js';

function refusal(authType: string, authStrategy: unknown): NexusError {
  try {
    resolveStrategy(authType, authStrategy);
  } catch (error) {
    if (error instanceof NexusError) return error;
    throw error;
  }
  throw new Error('the strategy was accepted');
}

function refusedPaths(authType: string, authStrategy: unknown): string[] {
  const error = refusal(authType, authStrategy);
  expect(error.code).toBe('invalid_request');
  return (error.details ?? []).map((detail) => detail.path);
}

describe('resolveStrategy', () => {
  it('gives every strategy type its defaults', () => {
    const examples = [
      resolveStrategy('oauth2', null),
      resolveStrategy('header', null),
      resolveStrategy('api_key', { type: 'headers', config: { headers: { 'X-Key': '{api_key}' } } }),
      resolveStrategy('query_param', { type: 'query_param', config: { param_name: 'key' } }),
      resolveStrategy('api_key', { type: 'path' }),
      resolveStrategy('basic_auth', null),
      resolveStrategy('hmac_payload', { type: 'hmac_payload', config: { header_name: 'X-Signature' } }),
      resolveStrategy('aws_sigv4', { type: 'aws_sigv4', config: { service: 'sts' } }),
    ];
    expect(examples).toEqual([
      { type: 'oauth2' },
      { type: 'header', config: { header_name: 'Authorization', credential_field: 'api_key', value_prefix: '' } },
      { type: 'headers', config: { headers: { 'X-Key': '{api_key}' } } },
      { type: 'query_param', config: { param_name: 'key', credential_field: 'api_key' } },
      { type: 'path', config: {} },
      { type: 'basic_auth', config: { username_field: 'username', password_field: 'password' } },
      {
        type: 'hmac_payload',
        config: { header_name: 'X-Signature', secret_field: 'api_secret', algo: 'sha256', encoding: 'hex' },
      },
      { type: 'aws_sigv4', config: { region: 'us-east-1', service: 'sts' } },
    ]);
    expect(examples.map((strategy) => strategy.type)).toEqual([...strategyTypes]);
  });

  it('reads an api_key without a strategy as a bearer header', () => {
    expect(resolveStrategy('api_key', undefined)).toEqual({
      type: 'header',
      config: { header_name: 'Authorization', credential_field: 'api_key', value_prefix: 'Bearer ' },
    });
  });

  it('gives a header strategy that is spelled out no prefix of its own', () => {
    const strategy = resolveStrategy('api_key', { type: 'header', config: { header_name: 'X-Api-Key' } });
    expect(strategy).toMatchObject({ config: { value_prefix: '' } });
  });

  it('accepts what it returned', () => {
    for (const [authType, given] of [
      ['oauth2', null],
      ['api_key', null],
      ['basic_auth', null],
      ['api_key', { type: 'path' }],
      ['header', { type: 'headers', config: { headers: { A: '{x}', B: 'fixed' } } }],
      ['aws_sigv4', { type: 'aws_sigv4', config: { service: 's3' } }],
    ] as const) {
      const first = resolveStrategy(authType, given);
      expect(resolveStrategy(authType, JSON.parse(JSON.stringify(first)))).toEqual(first);
    }
    expect(resolveStrategy('oauth2', { type: 'oauth2', config: {} })).toEqual({ type: 'oauth2' });
  });

  it('names the option that a type cannot do without', () => {
    expect(refusedPaths('query_param', null)).toEqual(['auth_strategy.config.param_name']);
    expect(refusedPaths('hmac_payload', null)).toEqual(['auth_strategy.config.header_name']);
    expect(refusedPaths('aws_sigv4', null)).toEqual(['auth_strategy.config.service']);
  });

  it('refuses a strategy that contradicts the authentication type', () => {
    const header = { type: 'header', config: {} };
    for (const authType of ['oauth2', 'basic_auth', 'query_param', 'hmac_payload', 'aws_sigv4']) {
      expect(refusedPaths(authType, header)).toEqual(['auth_strategy.type']);
    }
    expect(refusedPaths('api_key', { type: 'oauth2' })).toEqual(['auth_strategy.type']);
    expect(refusedPaths('toString', null)).toEqual(['auth_type']);
  });

  it('names every unknown field', () => {
    expect(refusedPaths('header', { type: 'header', header_name: 'X' })).toEqual(['auth_strategy.header_name']);
    expect(refusedPaths('header', { type: 'header', config: { headerName: 'X' } })).toEqual([
      'auth_strategy.config.headerName',
    ]);
    expect(refusedPaths('header', { type: 'path', config: { a: 1 } })).toEqual(['auth_strategy.config.a']);
    expect(refusedPaths('header', JSON.parse('{"type":"header","config":{"__proto__":{}}}'))).toHaveLength(1);
  });

  it('refuses values of another kind', () => {
    for (const wrong of ['header', 7, [], true, { type: 'nope' }, { type: 7 }, { type: 'header', config: [] }, {}]) {
      expect(refusedPaths('header', wrong).length).toBeGreaterThan(0);
    }
    for (const wrong of [7, true, [], {}]) {
      expect(refusedPaths('header', { type: 'header', config: { header_name: wrong } })).toHaveLength(1);
      expect(refusedPaths('header', { type: 'headers', config: { headers: { A: wrong } } }).length).toBeGreaterThan(0);
    }
    expect(refusedPaths('header', { type: 'headers', config: { headers: [] } })).toHaveLength(1);
    expect(refusedPaths('header', { type: 'headers', config: { headers: {} } })).toHaveLength(1);
    expect(refusedPaths('hmac_payload', { type: 'hmac_payload', config: { header_name: 'S', algo: 'md5' } })).toEqual([
      'auth_strategy.config.algo',
    ]);
  });

  it('S-10: refuses control characters in every option', () => {
    const options: [string, string, string[]][] = [
      ['header', 'header', ['header_name', 'credential_field', 'value_prefix']],
      ['query_param', 'query_param', ['param_name', 'credential_field']],
      ['basic_auth', 'basic_auth', ['username_field', 'password_field']],
      ['hmac_payload', 'hmac_payload', ['header_name', 'secret_field', 'algo', 'encoding']],
      ['aws_sigv4', 'aws_sigv4', ['region', 'service']],
    ];
    for (const [authType, type, names] of options) {
      for (const name of names) {
        for (const code of [0, 9, 10, 13, 27, 127, 0x85, 0x2028]) {
          const value = `a${String.fromCodePoint(code)}b`;
          const paths = refusedPaths(authType, { type, config: { [name]: value } });
          expect(paths).toContain(`auth_strategy.config.${name}`);
        }
      }
    }
    for (const headers of [{ 'A\r\nB': '{x}' }, { A: '{x}\r\nB: 1' }, { A: '{x\n}' }]) {
      expect(refusedPaths('header', { type: 'headers', config: { headers } }).length).toBeGreaterThan(0);
    }
  });

  it('S-10: refuses header names that steer the connection, in any letter case', () => {
    const names = [
      'Host',
      'Connection',
      'Transfer-Encoding',
      'Content-Length',
      'TE',
      'Upgrade',
      'Trailer',
      'Keep-Alive',
    ];
    for (const name of [...names, 'Proxy-Authorization', 'Proxy-Connection', 'Expect']) {
      for (const spelled of [name, name.toLowerCase(), name.toUpperCase()]) {
        expect(refusedPaths('header', { type: 'header', config: { header_name: spelled } })).toHaveLength(1);
        expect(refusedPaths('header', { type: 'headers', config: { headers: { [spelled]: '{x}' } } })).toHaveLength(1);
      }
    }
    for (const name of ['', 'X Key', 'X:Key', 'X-Schlüssel', 'X"', 'X(', 'a'.repeat(129)]) {
      expect(refusedPaths('header', { type: 'header', config: { header_name: name } })).toHaveLength(1);
    }
  });

  it('refuses templates with broken braces, wrong fields or no field at all', () => {
    for (const template of [
      '{',
      '}',
      '{a',
      'a}',
      '{{a}}',
      '{}',
      '{a b}',
      '{a.b}',
      '{constructor}',
      '{__proto__}',
      '',
    ]) {
      const headers = { X: template, Y: '{ok}' };
      expect(refusedPaths('header', { type: 'headers', config: { headers } })).toEqual([
        'auth_strategy.config.headers.X',
      ]);
    }
    expect(refusedPaths('header', { type: 'headers', config: { headers: { X: 'fixed' } } })).toEqual([
      'auth_strategy.config.headers',
    ]);
    expect(refusedPaths('header', { type: 'headers', config: { headers: { X: '{a}', x: '{b}' } } })).toHaveLength(1);
  });

  it('G8: decides about the longest option in time', () => {
    const long = '{'.repeat(65_536);
    const start = performance.now();
    for (const config of [{ header_name: long }, { value_prefix: long }, { credential_field: long }]) {
      refusal('header', { type: 'header', config });
    }
    refusal('header', { type: 'headers', config: { headers: { X: long } } });
    expect(performance.now() - start).toBeLessThan(100);
  });
});

describe('credentialFields', () => {
  it('B3: lists what each strategy hands out and nothing else', () => {
    const stored = {
      access_token: 'a',
      refresh_token: 'r',
      id_token: 'i',
      client_secret: 'c',
      token_type: 'Bearer',
      expires_at: 1,
      api_key: 'k',
      api_secret: 's',
      username: 'u',
      password: 'p',
      access_key: 'ak',
      secret_key: 'sk',
      session_token: 'st',
      note: 'n',
    };
    const handedOut = (authType: string, given: unknown) =>
      credentialFields(resolveStrategy(authType, given), Object.keys(stored)).sort();
    expect(handedOut('oauth2', null)).toEqual(['access_token', 'expires_at', 'token_type']);
    expect(handedOut('api_key', null)).toEqual(['api_key']);
    expect(handedOut('query_param', { type: 'query_param', config: { param_name: 'k' } })).toEqual(['api_key']);
    expect(handedOut('basic_auth', null)).toEqual(['password', 'username']);
    expect(
      handedOut('header', { type: 'headers', config: { headers: { A: '{api_key}:{note}', B: '{note}' } } }),
    ).toEqual(['api_key', 'note']);
    expect(handedOut('hmac_payload', { type: 'hmac_payload', config: { header_name: 'S' } })).toEqual(['api_secret']);
    expect(handedOut('aws_sigv4', { type: 'aws_sigv4', config: { service: 's3' } })).toEqual([
      'access_key',
      'secret_key',
      'session_token',
    ]);
  });

  it('hands out every stored field where the path may name any', () => {
    const strategy = resolveStrategy('api_key', { type: 'path' });
    expect(credentialFields(strategy, ['token', 'account'])).toEqual(['token', 'account']);
  });

  it('names each field once', () => {
    const twice = { type: 'headers', config: { headers: { A: '{x}{x}', B: '{x}' } } };
    expect(describeFields(resolveStrategy('header', twice)).required).toEqual(['x']);
    const same = { type: 'basic_auth', config: { username_field: 'key', password_field: 'key' } };
    expect(describeFields(resolveStrategy('basic_auth', same))).toEqual({
      required: ['key'],
      optional: [],
      any: false,
    });
  });

  it('S-10: refuses a stored strategy that is no longer valid', () => {
    const stored = { type: 'header', config: { header_name: 'X\r\nY' } };
    expect(() => credentialFields(stored, ['api_key'])).toThrow(NexusError);
    expect(() => readStrategy({ type: 'nope', config: {} })).toThrow(NexusError);
    expect(readStrategy({ type: 'oauth2', config: {} })).toEqual({ type: 'oauth2' });
  });
});
