import { describe, expect, it } from 'vitest';
import { classifyAnswer } from './provider-error.js';

const errors = {
  refresh_token_not_found: 'final',
  '190': 'final',
  bad_app: 'configuration',
  slow_down: 'throttled',
  invalid_grant: 'transient',
} as const;

const classify = (status: number, json: unknown) => classifyAnswer({ status, retryAfter: null, json }, 0, errors);

describe("a provider's own error codes", () => {
  it.each([
    ['in error_code', 400, { error_code: 'refresh_token_not_found' }, 'final', 'refresh_token_not_found'],
    ['in code, as a number', 400, { message: 'expired', code: 190 }, 'final', '190'],
    ['with 200', 200, { code: 'bad_app' }, 'configuration', 'bad_app'],
    ['beside a word of the standard', 400, { error: 'invalid_request', code: 'slow_down' }, 'throttled', 'slow_down'],
    ['over the standard', 400, { error: 'invalid_grant' }, 'transient', 'invalid_grant'],
    ['never with 429', 429, { code: '190' }, 'throttled', '190'],
    ['never from a server that fails', 503, { code: '190' }, 'transient', '190'],
    ['never after a redirect', 302, { error_code: 'refresh_token_not_found' }, 'transient', 'refresh_token_not_found'],
    ['not one that nobody explained', 400, { code: 'toString' }, 'transient', null],
    ['not in a list', 400, [{ code: '190' }], 'transient', null],
    ['not in an object', 400, { error: { code: '190' } }, 'transient', null],
  ] as const)('%s', (_where, status, json, failureClass, upstreamError) => {
    expect(classify(status, json)).toMatchObject({ class: failureClass, upstreamError });
  });
});

describe('when a provider wants to be asked again', () => {
  const nowMs = 1_795_400_000_000;

  it.each([
    ['seconds', '64', 64],
    ['a part of a second', '64.57', 65],
    ['seconds since the epoch', '1795400040', 40],
    ['milliseconds since the epoch', '1795400040500', 41],
    ['a date', new Date(nowMs + 40_000).toUTCString(), 40],
    ['a moment that is over', '1795399999', null],
    ['a number with a sign', '-5', null],
    ['words', 'soon', null],
  ])('%s', (_form, retryAfter, retryAfterSeconds) => {
    expect(classifyAnswer({ status: 429, retryAfter, json: {} }, nowMs)).toMatchObject({ retryAfterSeconds });
  });
});
