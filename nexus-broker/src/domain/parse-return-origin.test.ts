import { NexusError } from '@nexus/core/errors';
import { describe, expect, it } from 'vitest';
import { parseReturnOrigin } from './return-url.js';
import type { Environment } from './web-url.js';

describe('parseReturnOrigin', () => {
  const good = { origin: 'https://app.example', appName: 'My app', completion: 'confirm', pathPrefix: null } as const;

  function refusedPaths(change: object, environment: Environment = 'production'): string[] {
    try {
      parseReturnOrigin({ ...good, ...change }, environment);
    } catch (error) {
      if (error instanceof NexusError) return (error.details ?? []).map((detail) => detail.path);
      throw error;
    }
    return [];
  }

  it('accepts what an admin means and gives it its normal form', () => {
    expect(parseReturnOrigin(good, 'production')).toEqual(good);
    expect(parseReturnOrigin({ ...good, completion: 'bound', pathPrefix: '/a/b/' }, 'production')).toEqual({
      ...good,
      completion: 'bound',
      pathPrefix: '/a/b',
    });
    expect(parseReturnOrigin({ ...good, pathPrefix: '/' }, 'production').pathPrefix).toBe('/');
    for (const appName of ['A', 'x'.repeat(80), 'Bücher & Co. (Ω) 日本', 'Rocket 🚀']) {
      expect(parseReturnOrigin({ ...good, appName }, 'production').appName).toBe(appName);
    }
  });

  it('takes only bare https origins', () => {
    for (const origin of [
      '',
      'app.example',
      'https://app.example/',
      'https://app.example/x',
      'https://app.example?x',
      'https://app.example#x',
      'https://user@app.example',
      'https://@app.example',
      'https://APP.example',
      'https://app.example:443',
      'http://app.example',
      'https://*.example',
      'https://bücher.example',
      'https:app.example',
      'https:///app.example',
      'https://app.example\\x',
      ' https://app.example',
      'https://app.example\n',
      'ftp://app.example',
      'javascript:alert(1)',
      'null',
      'https://localhost',
      'https://127.0.0.1:8443',
      'https://[::1]',
      'http://localhost:3000',
    ]) {
      expect(refusedPaths({ origin }), origin).toEqual(['origin']);
    }
  });

  it('demands a completion, except on loopback in development', () => {
    expect(refusedPaths({ completion: null })).toEqual(['completion']);
    expect(refusedPaths({ completion: null }, 'development')).toEqual(['completion']);
    expect(refusedPaths({ completion: 'none' })).toEqual(['completion']);
    const loopback = { ...good, origin: 'http://localhost:3000', completion: null };
    expect(parseReturnOrigin(loopback, 'development').completion).toBe('confirm');
    expect(refusedPaths({ origin: 'http://app.example' }, 'development')).toEqual(['origin']);
  });

  it('demands a path prefix for bound, in its normal form', () => {
    expect(refusedPaths({ completion: 'bound' })).toEqual(['path_prefix']);
    for (const pathPrefix of [
      '',
      'cb',
      '//cb',
      '/cb//x',
      '/a/../b',
      '/a/./b',
      '/%2e%2e/b',
      '/a%2fb',
      '/a%5cb',
      '/a%252fb',
      '/a?b',
      '/a#b',
      '/a\\b',
      '/a b',
      '/a\n',
      '/%',
      '/..;/x',
      '/%c0%ae',
      `/${'a'.repeat(512)}`,
      'https://app.example/cb',
    ]) {
      expect(refusedPaths({ pathPrefix }), pathPrefix).toEqual(['path_prefix']);
    }
  });

  it('refuses application names that show as something else', () => {
    for (const appName of [
      '',
      'x'.repeat(81),
      ' padded',
      'padded ',
      'line\nbreak',
      'tab\tbed',
      'nul\0',
      'bidi\u202egro.elgoog',
      'isolate\u2066x\u2069',
      'mark\u200f',
      'zero\u200bwidth',
      'soft\u00adhyphen',
      'filler\u3164',
      'braille\u2800',
      'no\u00a0break',
      '\u0301start',
      'half\ud800',
      '\ufeffbom',
    ]) {
      expect(refusedPaths({ appName }), JSON.stringify(appName)).toEqual(['app_name']);
    }
  });
});
