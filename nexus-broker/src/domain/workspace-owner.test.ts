import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UserTokenError } from './user-token-error.js';
import { ownsWorkspace, resolveWorkspace } from './workspace-owner.js';

const user = { subject: 'bob', tenantId: 'acme' };

function outcome(...input: Parameters<typeof resolveWorkspace>): string {
  try {
    return resolveWorkspace(...input);
  } catch (error) {
    if (error instanceof UserTokenError) return error.fault;
    throw error;
  }
}

describe('the workspace a user token leads to', () => {
  it.each<readonly ['sub' | 'tenant', string, readonly string[], string]>([
    ['sub', '', [''], 'bob'],
    ['tenant', '', [''], 'acme'],
    ['sub', 'a:', ['', 'a:'], 'a:bob'],
    ['sub', 'a:', ['a:', 'a:bo'], 'foreign_workspace'],
    ['sub', '', ['', 'b'], 'foreign_workspace'],
    ['sub', '', ['', 'bobby'], 'bob'],
    ['sub', '', ['', 'bob'], 'foreign_workspace'],
    ['sub', 'a:', ['a:', 'a:'], 'foreign_workspace'],
    ['sub', 'a:', ['b:'], 'foreign_workspace'],
    ['sub', 'a:', [], 'foreign_workspace'],
    ['sub', 'x'.repeat(253), ['x'.repeat(253)], 'bad_claim'],
  ])('from %s with prefix %j among %j is %s', (workspaceFrom, workspacePrefix, prefixes, expected) => {
    expect(outcome(user, { workspaceFrom, workspacePrefix }, prefixes)).toBe(expected);
  });

  it('does not exist for a user without a tenant where the tenant names it', () => {
    const source = { workspaceFrom: 'tenant', workspacePrefix: 'a:' } as const;
    expect(outcome({ ...user, tenantId: null }, source, ['a:'])).toBe('bad_claim');
  });
});

describe('B11: no two issuers own one workspace', () => {
  // Two letters, so that prefixes begin with one another all the time.
  const text = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 6 });

  it('whatever their prefixes are', () => {
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 6 }), text, (prefixes, workspaceId) => {
        const owners = prefixes.filter((prefix) => ownsWorkspace(prefix, { workspaceId, prefixes }));
        expect(owners.length).toBeLessThanOrEqual(1);
      }),
      { numRuns: 2000 },
    );
  });

  it('whatever users they vouch for', () => {
    const claim = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(fc.uniqueArray(text, { minLength: 2, maxLength: 6 }), claim, claim, (prefixes, one, two) => {
        const lead = (prefix: string | undefined, subject: string) =>
          outcome({ subject, tenantId: null }, { workspaceFrom: 'sub', workspacePrefix: prefix ?? '' }, prefixes);
        const [first, second] = [lead(prefixes[0], one), lead(prefixes[1], two)];
        expect(first === second && first !== 'foreign_workspace').toBe(false);
      }),
      { numRuns: 2000 },
    );
  });

  it('and every workspace under a prefix that nobody shares has an owner', () => {
    fc.assert(
      fc.property(fc.uniqueArray(text, { minLength: 1, maxLength: 6 }), text, (prefixes, workspaceId) => {
        const isUnderAny = prefixes.some((prefix) => workspaceId.startsWith(prefix));
        const owners = prefixes.filter((prefix) => ownsWorkspace(prefix, { workspaceId, prefixes }));
        expect(owners.length).toBe(isUnderAny ? 1 : 0);
      }),
      { numRuns: 2000 },
    );
  });
});
