import { NexusError } from '@nexus/core/errors';
import { createToken } from '@nexus/core/tokens';
import { HTTPException } from 'hono/http-exception';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createValidationError, renderError } from './errors.js';

describe('renderError', () => {
  it('answers the one shape, with error and code of the same value', () => {
    const { status, headers, body } = renderError(new NexusError('connection_not_found', 'No such connection.'), 'r-1');
    expect({ status, headers, body }).toEqual({
      status: 404,
      headers: { 'Content-Type': 'application/json' },
      body: {
        error: 'connection_not_found',
        code: 'connection_not_found',
        message: 'No such connection.',
        request_id: 'r-1',
      },
    });
  });

  it('adds status, reason, details and Retry-After where the error has them', () => {
    const error = new NexusError('attention_required', 'Reconnect.', {
      connectionStatus: 'attention',
      reason: { code: 'grant_revoked', message: 'The grant was revoked.' },
    });
    expect(renderError(error, 'r').body).toMatchObject({ status: 'attention', reason: { code: 'grant_revoked' } });
    expect(renderError(new NexusError('rate_limited', 'Slow down.', { retryAfter: 2.2 }), 'r').headers).toMatchObject({
      'Retry-After': '3',
    });
  });

  it.each([
    new Error('SELECT * FROM keys; marker-5512'),
    new TypeError('marker-5512', { cause: new Error('marker-5512') }),
    'marker-5512',
    { message: 'marker-5512', toString: () => 'marker-5512' },
    new HTTPException(500, { message: 'marker-5512' }),
    null,
  ])('G11: gives the fixed internal_error body for anything else (%#)', (thrown) => {
    const { status, body } = renderError(thrown, 'r-2');
    expect(status).toBe(500);
    expect(body).toEqual({
      error: 'internal_error',
      code: 'internal_error',
      message: 'Something went wrong on our side.',
      request_id: 'r-2',
    });
  });

  it('G11: keeps the cause of a NexusError out of the body', () => {
    const error = new NexusError('provider_unavailable', 'Try again.', { cause: new Error('marker-5512') });
    expect(JSON.stringify(renderError(error, 'r'))).not.toContain('marker-5512');
  });
});

describe('createValidationError', () => {
  const schema = z.strictObject({
    workspace_id: z.string().min(1),
    scopes: z.array(z.string().max(3)).optional(),
    inner: z.strictObject({ count: z.int() }).optional(),
    either: z.union([z.string(), z.number()]).optional(),
  });

  function detailsOf(input: unknown) {
    const result = schema.safeParse(input);
    if (result.success) throw new Error('the input was meant to fail');
    return createValidationError(result.error).details;
  }

  it('names each field as the caller wrote it', () => {
    expect(detailsOf({ scopes: ['abcd'], inner: { count: 'x' }, either: true })).toEqual([
      { path: 'workspace_id', message: 'is required' },
      { path: 'scopes[0]', message: 'is not valid: Too big: expected string to have <=3 characters' },
      { path: 'inner.count', message: 'must be a number' },
      { path: 'either', message: 'is of none of the accepted forms' },
    ]);
  });

  it('names unknown fields', () => {
    expect(detailsOf({ workspace_id: 'w', return_ulr: 'x', inner: { count: 1, extra: 1 } })).toEqual([
      { path: 'inner.extra', message: 'is not a known field' },
      { path: 'return_ulr', message: 'is not a known field' },
    ]);
  });

  it('B13: refuses __proto__ and constructor like any unknown field', () => {
    const input = JSON.parse('{"workspace_id":"w","constructor":{"prototype":{"polluted":true}},"__proto__":{"a":1}}');
    expect(
      detailsOf(input)
        ?.map(({ path }) => path)
        .sort(),
    ).toEqual(['__proto__', 'constructor']);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it('never repeats a value, nor a name shaped like a token', () => {
    const token = createToken('nxa');
    const text = JSON.stringify(detailsOf({ workspace_id: 5, [token]: token, ['x'.repeat(5000)]: 1 }));
    expect(text).not.toContain(token);
    expect(text.length).toBeLessThan(500);
  });

  it('lists at most twenty problems', () => {
    const input = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`f${i}`, 1]));
    expect(detailsOf(input)).toHaveLength(20);
  });
});
