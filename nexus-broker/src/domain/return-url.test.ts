import { NexusError } from '@nexus/core/errors';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hostileReturnUrls } from './hostile-return-urls.test-data.js';
import { measureQuickest } from './quickest-run.test-data.js';
import { appendToReturnUrl, type CheckedReturnOrigin, checkReturnUrl, returnParameters } from './return-url.js';
import type { Environment } from './web-url.js';

const origins: CheckedReturnOrigin[] = [
  { origin: 'https://app.example', appName: 'Simple', completion: 'confirm', pathPrefix: '/cb' },
  { origin: 'https://app.example', appName: 'Bound', completion: 'bound', pathPrefix: '/cb/safe' },
  { origin: 'https://whole.example:8443', appName: 'Whole', completion: 'confirm', pathPrefix: null },
];

function check(returnUrl: string, environment: Environment = 'production') {
  return checkReturnUrl({ returnUrl, origins, environment });
}

function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (error instanceof NexusError) return error.code;
    throw error;
  }
  return 'accepted';
}

describe('checkReturnUrl', () => {
  it('H12: accepts none of the hostile corpus, in no environment', () => {
    expect(new Set(hostileReturnUrls).size).toBeGreaterThanOrEqual(200);
    for (const environment of ['production', 'development'] as const) {
      const accepted = hostileReturnUrls.filter(
        (url) => codeOf(() => check(url, environment)) !== 'return_url_not_allowed',
      );
      expect(accepted).toEqual([]);
    }
  });

  it('accepts honest URLs under a registered origin', () => {
    for (const url of [
      'https://app.example/cb',
      'https://app.example/cb/',
      'https://app.example/cb/deep/er',
      'https://app.example/cb?session=1&next=%2Fhome',
      'https://app.example/cb?',
      'https://app.example/cb/a%20b',
      'https://app.example/cb/%C3%A9',
      'https://app.example/cb/file.html',
      'https://app.example/cb/...',
      'https://app.example/cb/~user/@me;v=1',
      'https://app.example/cb?code=1&statuses=2&providers=x&errors=',
      'https://app.example/cb?u=https://other.example/x',
      'https://whole.example:8443/',
      'https://whole.example:8443/any/where?x=%25',
    ]) {
      expect(
        codeOf(() => check(url)),
        url,
      ).toBe('accepted');
      expect(check(url).url).toBe(url);
    }
    expect(check('https://whole.example:8443').url).toBe('https://whole.example:8443/');
    expect(check('https://whole.example:8443?x=1').url).toBe('https://whole.example:8443/?x=1');
  });

  it('lets the longest prefix decide, by whole segments', () => {
    expect(check('https://app.example/cb/safe')).toMatchObject({ appName: 'Bound', completion: 'bound' });
    expect(check('https://app.example/cb/safe/x')).toMatchObject({ appName: 'Bound' });
    expect(check('https://app.example/cb/safer')).toMatchObject({ appName: 'Simple', completion: 'confirm' });
    const reversed = [...origins].reverse();
    const again = checkReturnUrl({
      returnUrl: 'https://app.example/cb/safe',
      origins: reversed,
      environment: 'production',
    });
    expect(again.appName).toBe('Bound');
  });

  it('matches a stored prefix that ends with a slash as the same segments', () => {
    const entry: CheckedReturnOrigin = {
      origin: 'https://a.example',
      appName: 'A',
      completion: 'confirm',
      pathPrefix: '/x/',
    };
    const at = (returnUrl: string) =>
      codeOf(() => checkReturnUrl({ returnUrl, origins: [entry], environment: 'production' }));
    expect(at('https://a.example/x')).toBe('accepted');
    expect(at('https://a.example/x/y')).toBe('accepted');
    expect(at('https://a.example/xy')).toBe('return_url_not_allowed');
    const root = { ...entry, pathPrefix: '/' };
    expect(
      checkReturnUrl({ returnUrl: 'https://a.example/any', origins: [root], environment: 'production' }).appName,
    ).toBe('A');
  });

  it('allows every loopback origin in development, and none in production', () => {
    for (const url of ['http://localhost:3000/cb', 'http://127.0.0.1/', 'http://127.9.8.7:1/x', 'https://[::1]:9/x']) {
      expect(check(url, 'development')).toEqual({ url, appName: new URL(url).host, completion: 'confirm' });
      expect(codeOf(() => check(url))).toBe('return_url_not_allowed');
    }
    for (const url of ['http://app.example/cb', 'http://localhost.example/', 'http://128.0.0.1/', 'http://[::2]/']) {
      expect(
        codeOf(() => check(url, 'development')),
        url,
      ).toBe('return_url_not_allowed');
    }
  });

  it('never lets loopback in production, even where it is registered', () => {
    for (const origin of ['https://localhost', 'https://127.0.0.1', 'https://[::1]', 'https://x.localhost']) {
      const entry: CheckedReturnOrigin = { origin, appName: 'A', completion: 'confirm', pathPrefix: null };
      const call = () => checkReturnUrl({ returnUrl: `${origin}/`, origins: [entry], environment: 'production' });
      expect(codeOf(call)).toBe('return_url_not_allowed');
    }
  });

  it('lets a registered loopback origin name its application in development', () => {
    const entry: CheckedReturnOrigin = {
      origin: 'http://localhost:3000',
      appName: 'Mine',
      completion: 'bound',
      pathPrefix: '/cb',
    };
    const at = (returnUrl: string) => checkReturnUrl({ returnUrl, origins: [entry], environment: 'development' });
    expect(at('http://localhost:3000/cb')).toMatchObject({ appName: 'Mine', completion: 'bound' });
    expect(at('http://localhost:3000/else')).toMatchObject({ appName: 'localhost:3000', completion: 'confirm' });
  });

  it('H12: whatever is accepted stays on a registered origin for any reader of the URL', () => {
    const piece = fc.constantFrom(
      '/',
      '\\',
      '.',
      '..',
      '%2f',
      '%2e',
      '%5c',
      '@',
      ':',
      '?',
      '#',
      'cb',
      'app.example',
      ';',
    );
    const text = fc.oneof(
      fc.array(piece, { maxLength: 8 }).map((parts) => parts.join('')),
      fc.string({ maxLength: 20 }),
    );
    fc.assert(
      fc.property(fc.constantFrom('https://app.example', 'https://app.example/cb', 'https:'), text, (start, rest) => {
        const url = `${start}${rest}`;
        if (codeOf(() => check(url)) !== 'accepted') return;
        const parsed = new URL(check(url).url);
        expect(parsed.origin).toBe('https://app.example');
        expect(decodeURIComponent(parsed.pathname)).toMatch(/^\/cb(?:\/|$)/);
        expect(decodeURIComponent(parsed.pathname)).not.toMatch(/\\|\/\/|\/\.{1,2}(?:\/|$)/);
      }),
      { numRuns: 2000 },
    );
  });

  it('G8: decides about the longest input in time', () => {
    for (const text of ['%25'.repeat(21_845), 'a'.repeat(65_536), `https://app.example/${'%25'.repeat(675)}`]) {
      expect(measureQuickest(() => codeOf(() => check(text)), 10)).toBeLessThan(10);
    }
  });
});

describe('appendToReturnUrl', () => {
  it('appends the outcome and leaves the rest as it was', () => {
    const params = { status: 'success', connection_ref: '01J', provider: 'google' };
    expect(appendToReturnUrl('https://a.example/', params)).toBe(
      'https://a.example/?status=success&connection_ref=01J&provider=google',
    );
    expect(appendToReturnUrl('https://a.example/?x=a+b%20c', { status: 'failed', error: 'access_denied' })).toBe(
      'https://a.example/?x=a+b%20c&status=failed&error=access_denied',
    );
    expect(appendToReturnUrl('https://a.example/?', { handle: 'n&t=1' })).toBe('https://a.example/?handle=n%26t%3D1');
    expect(appendToReturnUrl('https://a.example/?x&', { status: 'success' })).toBe(
      'https://a.example/?x&status=success',
    );
    expect(appendToReturnUrl('https://a.example/', {})).toBe('https://a.example/');
  });

  it('H12: what was appended is what an application reads, once', () => {
    fc.assert(
      fc.property(fc.constantFrom(...returnParameters), fc.string({ unit: 'grapheme' }), (name, value) => {
        const url = appendToReturnUrl('https://app.example/cb?x=1', { [name]: value });
        expect(new URL(url).searchParams.getAll(name)).toEqual([value]);
        expect(new URL(url).searchParams.getAll('x')).toEqual(['1']);
      }),
    );
  });
});
