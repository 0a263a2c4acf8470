import type { Template } from '@nexus/catalogue/templates';
import { describe, expect, it } from 'vitest';
import { renderBundle, renderCataloguePage } from './catalogue-files.js';

function template(name: string, authType: string, profile: Template['profile']): Template {
  return {
    name,
    digest: '0123456789abcdef',
    displayName: name.toUpperCase(),
    category: 'developer',
    authType,
    aliases: [],
    sources: ['https://acme.example/docs'],
    verifiedOn: null,
    notes: [],
    profile,
  };
}

describe('the page of the catalogue', () => {
  const rowsOf = (...templates: Template[]) =>
    renderCataloguePage(templates)
      .split('\n')
      .filter((line) => line.startsWith('| `'));

  it('tells how a connection is revoked and refreshed', () => {
    const revoked = { revocation_endpoint: 'https://acme.example/revoke', revoke: { kills: 'grant' } };
    const recipe = { inputs: { tenant: { title: 'T' } }, revoke: { via: 'http' }, refresh: { rotation: 'strict' } };
    expect(
      rowsOf(
        template('plain', 'oauth2', {}),
        template('revoked', 'oauth2', { ...revoked, refresh: { supported: false } }),
        { ...template('recipe', 'oauth2', recipe), verifiedOn: '2026-11-23' },
      ),
    ).toEqual([
      '| `plain` | PLAIN | developer |  | none |  | no |',
      '| `revoked` | REVOKED | developer |  | rfc7009, grant | no refresh | no |',
      '| `recipe` | RECIPE | developer | `tenant` | http, unknown | strict | 2026-11-23 |',
    ]);
  });

  it('has the typed credentials in a table of their own', () => {
    const page = renderCataloguePage([template('key', 'api_key', { probe: { path: '/me' } })]);
    expect(page).toContain('1 templates: 0 for OAuth 2.0 and 1 for credentials');
    expect(rowsOf(template('key', 'api_key', { probe: { path: '/me' } }))).toEqual([
      '| `key` | KEY | developer |  | api_key | yes | no |',
    ]);
  });
});

describe('the bundle', () => {
  it('has one line for each template, its members sorted', () => {
    const text = renderBundle([template('b', 'oauth2', { z: 1, a: 2 }), template('a', 'api_key', {})]);
    const lines = text.split('\n');
    expect([lines[0], lines.length, lines.at(-2), lines.at(-1)]).toEqual(['[', 5, ']', '']);
    expect(lines[1]).toContain('"profile":{"a":2,"z":1}');
    expect(JSON.parse(text)).toHaveLength(2);
  });
});
