// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references as manifests hold them
import { describe, expect, it } from 'vitest';
import { maskFields } from './mask-fields.js';

const references = new Map([
  ['description', '${S}'],
  ['params.audience', '${A} ${B}'],
  ['scopes.1', '${S}'],
]);

describe('what a plan shows of a change', () => {
  it.each([
    [
      { path: 'description', before: 'fixture-old', after: 'fixture-new' },
      [{ path: 'description', secret: true, from: '${S}' }],
    ],
    [{ path: 'scopes', before: [], after: ['a', 'fixture'] }, [{ path: 'scopes', secret: true, from: '${S}' }]],
    [
      { path: 'params', after: { audience: 'fixture', prompt: 'none' } },
      [
        { path: 'params.audience', secret: true, from: '${A} ${B}' },
        { path: 'params.prompt', after: 'none' },
      ],
    ],
    [
      { path: 'token_request', before: null, after: { headers: { 'x-api': 'fixture' }, params: { app_secret: 'f' } } },
      [
        { path: 'token_request.headers.x-api', secret: true },
        { path: 'token_request.params.app_secret', secret: true },
      ],
    ],
    [
      { path: 'revoke.request.headers.a', before: 'fixture', after: 'other' },
      [{ path: 'revoke.request.headers.a', secret: true }],
    ],
    [
      { path: 'token_url', before: 'https://a', after: 'https://b' },
      [{ path: 'token_url', before: 'https://a', after: 'https://b' }],
    ],
    [{ path: 'metadata', after: { a: 1 } }, [{ path: 'metadata', after: { a: 1 } }]],
  ])('%j', (field, expected) => {
    expect(maskFields([field], references)).toEqual(expected);
  });
});
