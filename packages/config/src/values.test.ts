import { describe, expect, it } from 'vitest';
import { cidrListText, commandText, originListText, urlText } from './values.js';

function accepts(schema: { safeParse(text: string): { success: boolean } }, texts: readonly string[]): boolean[] {
  return texts.map((text) => schema.safeParse(text).success);
}

describe('urlText', () => {
  it('accepts plain http and https URLs and drops the trailing slash', () => {
    expect(urlText().parse('https://nexus.test/base/')).toBe('https://nexus.test/base');
  });

  it('refuses credentials, queries, fragments and other schemes', () => {
    const bad = [
      'https://u:p@nexus.test',
      'https://nexus.test?',
      'https://nexus.test/#',
      'ftp://nexus.test',
      'nexus.test',
    ];
    expect(accepts(urlText(), bad)).toEqual(bad.map(() => false));
  });
});

describe('originListText', () => {
  it('accepts exact origins only', () => {
    expect(originListText().parse('https://a.test, http://localhost:3000')).toEqual([
      'https://a.test',
      'http://localhost:3000',
    ]);
    const bad = ['https://a.test/', '*', 'https://*.test', 'null', 'https://A.test'];
    expect(accepts(originListText(), bad)).toEqual(bad.map(() => false));
  });
});

describe('cidrListText', () => {
  it('A12: accepts addresses and blocks, and refuses what no proxy list can mean', () => {
    expect(cidrListText().parse('10.0.0.0/8, ::1,fd00::/8')).toEqual(['10.0.0.0/8', '::1', 'fd00::/8']);
    const bad = ['10.0.0.0/33', '10.0.0', '::1/129', 'loopback', '10.0.0.0/8/8', '10.0.0.0/'];
    expect(accepts(cidrListText(), bad)).toEqual(bad.map(() => false));
  });
});

describe('commandText', () => {
  it('accepts a program and its arguments, none of which a shell could read', () => {
    expect(commandText().parse('["/usr/bin/env", "a b", "$(c)"]')).toEqual(['/usr/bin/env', 'a b', '$(c)']);
    const bad = [
      'kms-helper',
      '"kms-helper"',
      '[]',
      '[""]',
      '["a", 1]',
      '["a", ""]',
      '["a\\u0000b"]',
      '{"0":"a"}',
      '["a"',
    ];
    expect(accepts(commandText(), bad)).toEqual(bad.map(() => false));
  });
});
