import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  findHostRuleProblem,
  findPatternProblem,
  findPlaceProblem,
  type PlaceRules,
  type PlaceUse,
} from './place-rules.js';
import { fillPlaces } from './placeholders.js';

const free = { pattern: null, allowedHosts: [] };
const hosted = { pattern: null, allowedHosts: ['login.acme.example', '.my.acme.example'] };
const problem = (use: PlaceUse, value: string, rules: PlaceRules = hosted) =>
  findPlaceProblem(rules, new Set([use]), value);

describe('values of placeholders', () => {
  it('S-1: a label is one label and nothing that ends, splits or redirects a host', () => {
    for (const value of ['acme', 'ACME-1', 'a', '0', `${'a'.repeat(63)}`])
      expect(problem('label', value), value).toBeNull();
    for (const value of [
      ...['', ' ', '.', '..', 'a.b', 'a/b', 'a@b', 'a:1', 'a?b', 'a#b', 'a\\b', 'a%2eb', '-a', 'a-', 'a_b', 'é', '①'],
      ...['a\u0000', 'a\n', 'evil.com/', 'a'.repeat(64), '[::1]', 'localhost.'],
    ]) {
      expect(problem('label', value), JSON.stringify(value)).not.toBeNull();
    }
  });

  it('S-1: a host is on the list, as it is or below a name of the list', () => {
    for (const value of ['login.acme.example', 'LOGIN.acme.example', 'eu.my.acme.example', 'a.b.my.acme.example'])
      expect(problem('host', value), value).toBeNull();
    for (const value of [
      ...['my.acme.example', 'evilmy.acme.example', 'login.acme.example.evil.example', 'evil.example'],
      ...['login.acme.example:8443', 'login.acme.example/', 'u@login.acme.example', '127.0.0.1', '.my.acme.example'],
      ...['a..my.acme.example', 'a.my.acme.example.', 'xn--', 'login。acme.example'],
    ]) {
      expect(problem('host', value), value).not.toBeNull();
    }
    expect(problem('host', 'login.acme.example', free)).not.toBeNull();
  });

  it('S-1: an origin is https, bare, and of a host on the list', () => {
    for (const value of ['https://login.acme.example', 'https://na1.my.acme.example/'])
      expect(problem('origin', value), value).toBeNull();
    for (const value of [
      ...['http://login.acme.example', 'https://evil.example', 'https://login.acme.example/path', 'login.acme.example'],
      ...['https://login.acme.example:8443', 'https://u:p@login.acme.example', 'https://login.acme.example?x'],
      ...['https://login.acme.example#x', 'javascript:alert(1)', 'https:login.acme.example', 'data:,x'],
    ]) {
      expect(problem('origin', value), value).not.toBeNull();
    }
  });

  it('S-1: whatever is accepted fills the place it was meant for and no other', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.domain(), fc.webUrl(), fc.stringMatching(/^[a-z.:/@-]{1,12}$/)), (value) => {
        if (problem('label', value) === null) {
          const url = new URL(fillPlaces('https://{v}.acme.example/x', { v: value }) ?? '');
          expect(url.hostname.split('.')).toHaveLength(3);
          expect(url.hostname.endsWith('.acme.example')).toBe(true);
        }
        if (problem('text', value) === null) {
          const url = new URL(fillPlaces('https://acme.example/a/{v}/b', { v: value }) ?? '');
          expect([url.origin, url.pathname.split('/').length, url.search, url.hash]).toEqual([
            'https://acme.example',
            4,
            '',
            '',
          ]);
        }
      }),
    );
  });

  it('follow the pattern as a whole, and a closed list', () => {
    const rules = { pattern: '[0-9]+', allowedHosts: [] };
    expect(problem('text', '123', rules)).toBeNull();
    expect(problem('text', '123x', rules)).not.toBeNull();
    expect(findPlaceProblem({ ...free, options: ['eu', 'us'] }, new Set(), 'eu')).toBeNull();
    expect(findPlaceProblem({ ...free, options: ['eu', 'us'] }, new Set(), 'ap')).toContain('eu, us');
  });
});

describe('declarations', () => {
  it('name hosts, or ends of hosts of at least two labels', () => {
    for (const rule of ['acme.example', '.acme.example', 'a.b.acme.example'])
      expect(findHostRuleProblem(rule)).toBeNull();
    for (const rule of [
      '',
      '.',
      '.example',
      'example',
      '*.acme.example',
      'ACME.example',
      'acme.example/',
      '..acme.example',
    ])
      expect(findHostRuleProblem(rule), rule).not.toBeNull();
  });

  it('have patterns that the linear matcher knows', () => {
    expect(findPatternProblem('[a-z]+')).toBeNull();
    expect(findPatternProblem('(a')).not.toBeNull();
    expect(findPatternProblem('a|b')).toBeNull();
  });
});
