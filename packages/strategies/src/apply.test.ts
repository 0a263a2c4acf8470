import { createHmac } from 'node:crypto';
import { NexusError } from '@nexus/core/errors';
import { describe, expect, it } from 'vitest';
import { applyStrategy, checkCredentialValues, type StrategyRequest } from './apply.js';
import { resolveStrategy } from './strategy.js';

const plain: StrategyRequest = { method: 'GET', url: 'https://api.example/v1/me', headers: {}, body: null };

interface Given {
  readonly as: string;
  readonly with?: unknown;
  readonly credentials: Record<string, string>;
  readonly request?: Partial<StrategyRequest>;
}

function apply(given: Given): StrategyRequest {
  const strategy = resolveStrategy(given.as, given.with ?? null);
  return applyStrategy({ strategy, credentials: given.credentials, request: { ...plain, ...given.request }, now: 0 });
}

function refusal(given: Given): NexusError {
  try {
    apply(given);
  } catch (error) {
    if (error instanceof NexusError) return error;
    throw error;
  }
  throw new Error('the credential was applied');
}

describe('applyStrategy', () => {
  it('sends an OAuth token as a bearer header, whatever the spelling of its type', () => {
    const sent = apply({ as: 'oauth2', credentials: { access_token: 'abc', token_type: 'bearer' } });
    expect(sent).toEqual({ ...plain, headers: { Authorization: 'Bearer abc' } });
  });

  it.each([
    ['Zoho-oauthtoken', 'Zoho-oauthtoken'],
    [undefined, 'Bearer'],
    ['', 'Bearer'],
    ['two words', 'Bearer'],
    ['X\r\nY:', 'Bearer'],
    ['BEARER', 'Bearer'],
  ])('puts the word of the provider before an OAuth token: %j', (type, word) => {
    const credentials = { access_token: 'abc', ...(type === undefined ? {} : { token_type: type }) };
    expect(apply({ as: 'oauth2', credentials }).headers).toEqual({ Authorization: `${word} abc` });
  });

  it('puts prefix and key into the configured header', () => {
    expect(apply({ as: 'api_key', credentials: { api_key: 'k' } }).headers).toEqual({ Authorization: 'Bearer k' });
    const config = { header_name: 'X-Token', credential_field: 'token', value_prefix: 'Key ' };
    expect(apply({ as: 'header', with: { type: 'header', config }, credentials: { token: 't' } }).headers).toEqual({
      'X-Token': 'Key t',
    });
  });

  it('fills several headers from templates, each value once', () => {
    const headers = { 'DD-API-KEY': '{api_key}', 'DD-APPLICATION-KEY': 'app:{app_key}', 'X-Version': '2023-06-01' };
    const credentials = { api_key: '{app_key}', app_key: 'two' };
    expect(apply({ as: 'api_key', with: { type: 'headers', config: { headers } }, credentials }).headers).toEqual({
      'DD-API-KEY': '{app_key}',
      'DD-APPLICATION-KEY': 'app:two',
      'X-Version': '2023-06-01',
    });
  });

  it('replaces a header of the same name in any letter case, and drops Host', () => {
    const headers = { authorization: 'Basic zzz', AUTHORIZATION: 'x', host: 'evil.example', Accept: 'text/plain' };
    expect(apply({ as: 'api_key', credentials: { api_key: 'k' }, request: { headers } }).headers).toEqual({
      Accept: 'text/plain',
      Authorization: 'Bearer k',
    });
  });

  it('adds the query parameter, replaces one of the same name, and keeps the others as they were', () => {
    const given = { type: 'query_param', config: { param_name: 'key' } };
    const send = (url: string) =>
      apply({ as: 'query_param', with: given, credentials: { api_key: 'a&b=c d' }, request: { url } }).url;
    expect(send('https://api.example/x')).toBe('https://api.example/x?key=a%26b%3Dc%20d');
    expect(send('https://api.example/x?q=a+b%20c&key=old&%6bey=old')).toBe(
      'https://api.example/x?q=a+b%20c&key=a%26b%3Dc%20d',
    );
  });

  it('fills path and query placeholders, encoded for their place', () => {
    const send = (url: string, token = '12:A/b?c') =>
      apply({ as: 'api_key', with: { type: 'path' }, credentials: { token }, request: { url } }).url;
    expect(send('https://api.example/bot{token}/getMe')).toBe('https://api.example/bot12:A%2Fb%3Fc/getMe');
    expect(send('https://api.example/bot%7Btoken%7D/x')).toBe('https://api.example/bot12:A%2Fb%3Fc/x');
    expect(send('https://api.example/x?t={token}&q=1')).toBe('https://api.example/x?t=12%3AA%2Fb%3Fc&q=1');
  });

  it('refuses a URL whose placeholder is missing, unknown, or would lead elsewhere', () => {
    const send = (url: string, token = 't') =>
      refusal({ as: 'api_key', with: { type: 'path' }, credentials: { token }, request: { url } });
    expect(send('https://api.example/x').details?.[0]?.path).toBe('url');
    expect(send('https://api.example/{other}').details?.[0]?.path).toBe('url');
    expect(send('https://api.example/{toString}').details?.[0]?.path).toBe('url');
    expect(send('https://api.example/a/{token}/b', '..').details?.[0]?.path).toBe('url');
    expect(send('https://api.example/a/.{token}', '.').details?.[0]?.path).toBe('url');
  });

  it('never fills a placeholder in the host', () => {
    const error = refusal({
      as: 'api_key',
      with: { type: 'path' },
      credentials: { token: 'evil' },
      request: { url: 'https://{token}.example/x' },
    });
    expect(error.code).toBe('invalid_request');
  });

  it('encodes HTTP Basic in UTF-8 and lets the password be empty', () => {
    expect(apply({ as: 'basic_auth', credentials: { username: 'Jörg', password: 'pä:ss' } }).headers).toEqual({
      Authorization: `Basic ${Buffer.from('Jörg:pä:ss').toString('base64')}`,
    });
    expect(apply({ as: 'basic_auth', credentials: { username: 'sk_key' } }).headers).toEqual({
      Authorization: 'Basic c2tfa2V5Og==',
    });
  });

  it('signs the body as it is sent', () => {
    // RFC 4231 test case 2.
    const send = (body: StrategyRequest['body'], config: object = {}) =>
      apply({
        as: 'hmac_payload',
        with: { type: 'hmac_payload', config: { header_name: 'X-Signature', ...config } },
        credentials: { api_secret: 'Jefe' },
        request: { method: 'POST', body },
      }).headers['X-Signature'];
    const known = '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843';
    expect(send('what do ya want for nothing?')).toBe(known);
    expect(send(Buffer.from('what do ya want for nothing?'))).toBe(known);
    expect(send(null)).toBe(createHmac('sha256', 'Jefe').digest('hex'));
    expect(send('x', { algo: 'sha512', encoding: 'base64' })).toBe(
      createHmac('sha512', 'Jefe').update('x').digest('base64'),
    );
  });

  it('leaves the given request as it was', () => {
    const request = { ...plain, headers: Object.freeze({ Accept: 'a' }) };
    apply({ as: 'api_key', credentials: { api_key: 'k' }, request });
    expect(request.headers).toEqual({ Accept: 'a' });
  });

  it('refuses a URL that is relative, of another scheme or holds user information', () => {
    for (const url of ['/v1/me', 'ftp://api.example/', 'https://user@api.example/', 'https://:p@api.example/', '']) {
      const error = refusal({ as: 'api_key', credentials: { api_key: 'k' }, request: { url } });
      expect(error.details).toHaveLength(1);
    }
  });

  it('S-10: refuses control characters in every value it uses', () => {
    const cases: [string, unknown, string[]][] = [
      ['oauth2', null, ['access_token']],
      ['api_key', null, ['api_key']],
      ['api_key', { type: 'headers', config: { headers: { A: '{a}', B: '{b}' } } }, ['a', 'b']],
      ['query_param', { type: 'query_param', config: { param_name: 'k' } }, ['api_key']],
      ['api_key', { type: 'path' }, ['token']],
      ['basic_auth', null, ['username', 'password']],
      ['hmac_payload', { type: 'hmac_payload', config: { header_name: 'S' } }, ['api_secret']],
      ['aws_sigv4', { type: 'aws_sigv4', config: { service: 's3' } }, ['access_key', 'secret_key', 'session_token']],
    ];
    for (const [as, given, names] of cases) {
      for (const name of names) {
        for (const char of ['\r\n', '\n', '\0', '\t', '\x7f', '\u0085', '\u2028', '\ud800']) {
          const good = Object.fromEntries(names.map((field) => [field, 'good']));
          const credentials = { ...good, [name]: `canary${char}X-Injected: 1` };
          const error = refusal({
            as,
            with: given,
            credentials,
            request: { url: 'https://api.example/{token}' },
          });
          expect(error.details?.map((detail) => detail.path)).toEqual([`credentials.${name}`]);
          expect(JSON.stringify([error.message, error.details])).not.toContain('canary');
        }
      }
    }
  });

  it('names a missing value instead of sending half a credential', () => {
    expect(refusal({ as: 'api_key', credentials: {} }).details).toEqual([
      { path: 'credentials.api_key', message: 'is required' },
    ]);
    expect(refusal({ as: 'oauth2', credentials: { access_token: '' } }).details).toHaveLength(1);
    expect(checkCredentialValues(resolveStrategy('basic_auth', null), { username: 'a:b', password: 'p' })).toEqual([
      { path: 'credentials.username', message: 'may not contain a colon' },
    ]);
    expect(checkCredentialValues(resolveStrategy('api_key', null), { api_key: 'clé' })).toHaveLength(1);
  });
});
