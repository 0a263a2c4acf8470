import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compilePattern } from './linear-pattern.js';
import { PatternError } from './pattern-syntax.js';
import { measureQuickest } from './quickest-run.test-data.js';

describe('compilePattern', () => {
  it('agrees with the native engine about real key formats', () => {
    const texts = [
      '',
      'sk_live_0123456789abcdefghijklmn',
      'a.b.c',
      'AKIAABCDEFGHIJKLMNOP',
      'x@y',
      'é',
      '😀',
      'a\u2028b',
      '-',
    ];
    for (const source of [
      '^sk_(live|test)_[A-Za-z0-9]{24,}$',
      '^(?:AKIA|ASIA)[A-Z0-9]{16}$',
      '^[\\w-]+\\.[\\w-]+\\.[\\w-]+$',
      '[0-9]',
      '^.$',
      '^\\S+@\\S+$',
      '^[^a-z]*$',
      '^(a|b|)+$',
      'a?b?c?$',
      '^[\\x61-\\x7a\\u002e]*$',
      '^[\\]\\-\\\\^]?',
      '|a',
      '',
      '\\/\\.\\*',
      '^a{2}|b{1,2}?$',
      '\\W',
      '^\\D{3,5}$',
    ]) {
      const pattern = compilePattern(source);
      for (const text of texts) {
        expect(pattern.test(text), `${source} on ${text}`).toBe(new RegExp(source, 'u').test(text));
      }
    }
  });

  it('agrees with the native engine about random patterns and texts', () => {
    const atom = fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '\\d', '\\w', '(a|b)', '(?:ab)', '(a*)', '^', '$');
    const quantifier = fc.constantFrom('', '', '*', '+', '?', '{2}', '{1,3}', '{0,}', '*?');
    const term = fc.tuple(atom, quantifier).map(([one, times]) => (/^[$^]$/.test(one) ? one : one + times));
    const source = fc.array(fc.oneof(term, fc.constant('|')), { maxLength: 6 }).map((parts) => parts.join(''));
    const text = fc
      .array(fc.constantFrom('a', 'b', '1', ' ', 'é', '😀'), { maxLength: 8 })
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(source, text, (pattern, value) => {
        expect(compilePattern(pattern).test(value)).toBe(new RegExp(pattern, 'u').test(value));
      }),
      { numRuns: 3000 },
    );
  });

  it('refuses what needs backtracking or is not in the language', () => {
    for (const source of [
      '(a)\\1',
      '(?=a)',
      '(?!a)',
      '(?<=a)',
      '(?<!a)',
      '(?<name>a)',
      '\\b',
      '\\p{L}',
      '\\k<a>',
      '\\a',
      '\\cA',
      '\\n',
      '\\0',
      'a**',
      '*a',
      '+',
      '?',
      '(',
      ')',
      '(a',
      'a)',
      '[a',
      '[z-a]',
      '[\\d-z]',
      'a{',
      'a{1',
      'a{2,1}',
      'a{,2}',
      '}',
      ']',
      '\\',
      '\\x1',
      '\\u12',
      '\\u{61}',
      '\\ud800',
      '^*',
      'a{1001}',
      `${'('.repeat(30)}a${')'.repeat(30)}`,
      'a'.repeat(257),
    ]) {
      expect(() => compilePattern(source), source).toThrow(PatternError);
    }
  });

  it('G8: refuses nested counts that would grow, at once', () => {
    for (const source of [
      '((a{100}){100}){100}',
      `${'('.repeat(18)}a${'{1000})'.repeat(18)}`,
      '((){1000}){1000}a{999}',
    ]) {
      expect(
        measureQuickest(() => {
          try {
            compilePattern(source);
          } catch (error) {
            if (!(error instanceof PatternError)) throw error;
          }
        }, 10),
      ).toBeLessThan(10);
    }
    expect(() => compilePattern('((a{100}){100}){100}')).toThrow(PatternError);
    expect(compilePattern('((){1000}){1000}').test('')).toBe(true);
  });

  it('G8: patterns that ruin a backtracking engine cost time in proportion to the text', () => {
    for (const source of [
      '^(a+)+$',
      '(a|a)*b',
      '(.*)*x',
      'a*a*a*a*b',
      '^(([a-z])+.)+[A-Z]([a-z])+$',
      '(a?){20}a{20}b',
    ]) {
      const pattern = compilePattern(source);
      const text = `${'a'.repeat(Math.floor(200_000 / pattern.size))}!`;
      expect(
        measureQuickest(() => pattern.test(text), 10),
        source,
      ).toBeLessThan(10);
    }
  });
});
