/** Requests that no client should make, and how to make more of them from a seed. */
import type { SeededRandom } from '../support/seeded-random.js';
import type { Operation } from './route-matrix.js';

export interface BadRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | null;
}

export const json = { 'content-type': 'application/json' };

const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
const manyKeys = `{${Array.from({ length: 1_001 }, (_, index) => `"k${index}":1`).join(',')}}`;

/** Bodies that mean nothing, or two things; each is 400 wherever a JSON body is taken. */
export const brokenBodies: Readonly<Record<string, string | Uint8Array>> = {
  'nothing but space': ' ',
  'a word': 'hello',
  'half an object': '{"a":',
  'a trailing comma': '{"a":1,}',
  'two values': '{}{}',
  'a comment': '{}/*x*/',
  'single quotes': "{'a':1}",
  'a number that is not one': '{"a":NaN}',
  'a byte order mark': '\ufeff{}',
  null: 'null',
  'an array': '[]',
  'a string': '"text"',
  'a number': '1',
  'depth 33': `{"a":${nested(33)}}`,
  'depth 30000': nested(30_000),
  '1001 keys': manyKeys,
  'a doubled key': '{"a":1,"a":2}',
  'a doubled key, once escaped': '{"a":1,"\\u0061":2}',
  'an endless number': '{"a":1e400}',
  'a NUL': '{"a":"\\u0000"}',
  'a lone surrogate': '{"a":"\\ud800"}',
  'bytes that are not UTF-8': Uint8Array.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]),
  __proto__key: '{"__proto__":{"polluted":true}}',
  'constructor.prototype': '{"constructor":{"prototype":{"polluted":true}}}',
};

export const wrongContentTypes = [
  'text/plain',
  'text/html',
  'application/xml',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/octet-stream',
  'application/json-patch+json',
  'application/ld+json',
  'application/json; charset=latin1',
  'application/jsonx',
  'json',
  'application/json, text/plain',
];

const texts = [
  '',
  ' ',
  '0',
  '-1',
  'null',
  'true',
  '\u0000',
  'a\u0000b',
  '\ud800',
  '\u202e',
  '\r\nX-Injected: 1',
  '%00',
  '%',
  '%zz',
  '../../etc/passwd',
  '..\\..\\',
  '/',
  '//',
  '.',
  '..',
  '*',
  "' or '1'='1",
  "'; drop table connection; --",
  '" or ""="',
  ') union all values (1) --',
  "x' and (select pg_sleep(5)) is null --",
  '$1',
  '?',
  '{{7*7}}',
  '<script>alert(1)</script>',
  '__proto__',
  'constructor',
  'toString',
  'x'.repeat(300),
  'ä'.repeat(200),
  '💥'.repeat(50),
  'https://user:pass@evil.example/#x',
  'javascript:alert(1)',
  '9'.repeat(40),
  '1e400',
  '2026-13-45T99:99:99Z',
];

type Values = readonly unknown[];
const values: Values = [
  ...texts,
  null,
  true,
  0,
  -1,
  1.5,
  Number.MAX_SAFE_INTEGER,
  [],
  [[]],
  [null],
  {},
  { a: {} },
  { toString: 1 },
  Array.from({ length: 200 }, () => 'x'),
];

const names = [
  'workspace_id',
  'user_id',
  'provider_name',
  'provider_id',
  'connection_ref',
  'connection_id',
  'connection',
  'state',
  'handle',
  'code_verifier',
  'limit',
  'after',
  'cursor',
  'order',
  'since',
  'until',
  'status',
  'reason',
  'force',
  'min_validity',
  'wait',
  'event_type',
  'actor',
  'outcome',
  'format',
  'name',
  'role',
  'scopes',
  'credentials',
  'metadata',
  'profile',
  'origin',
  'agent_id',
  'session_id',
  'ttl_seconds',
  'user_context_token',
  'allowed_scopes',
  'allowed_providers',
  'active',
  'issuer',
  'audience',
  'algorithms',
  'sub',
  'scope',
  'subject_token',
  'subject_token_type',
  'grant_type',
  'unknown',
];

/** One request near an operation's own, with something wrong somewhere; now and then nothing is, which is fine too. */
export function mutate(operation: Operation, random: SeededRandom): BadRequest {
  const pick = <T>(list: readonly T[]): T => list[random.below(list.length)] as T;
  const encode = (text: string): string => {
    try {
      return encodeURIComponent(text);
    } catch {
      return '%ED%A0%80';
    }
  };
  const headers: Record<string, string> = { ...json };
  let [path = '', query = ''] = operation.path.split('?');
  let body: string | null = operation.body === undefined ? null : JSON.stringify(operation.body);
  const steps = 1 + random.below(3);
  for (let step = 0; step < steps; step++) {
    const kind = random.below(5);
    if (kind === 0) path = path.replace(/[^/]+$/, () => encode(pick(texts)) || 'x');
    else if (kind === 1) query += `&${encode(pick(names))}=${random.next() < 0.2 ? '%ff%fe' : encode(pick(texts))}`;
    else if (kind === 2) query += `&${pick(names)}=${encode(pick(texts))}&${pick(names)}[]=1`;
    else if (body !== null) {
      const current = JSON.parse(body) as Record<string, unknown>;
      const name = random.next() < 0.7 ? pick([...Object.keys(current), ...names]) : pick(texts);
      Object.defineProperty(current, name, {
        value: pick(values),
        enumerable: true,
        configurable: true,
        writable: true,
      });
      body = JSON.stringify(current);
    } else if (kind === 3) headers['x-request-id'] = encode(pick(texts)).slice(0, 200);
  }
  if (operation.id === 'continueFlow' && body === null) {
    // A form of our own page, so that more than its origin is judged.
    body = `${encode(pick(names))}=${encode(pick(texts))}&api_key=${encode(pick(texts))}`;
    headers['content-type'] = 'application/x-www-form-urlencoded';
    headers['sec-fetch-site'] = 'same-origin';
  }
  if (operation.access === 'client' && body !== null) {
    const fields = Object.entries(JSON.parse(body) as Record<string, unknown>);
    body = new URLSearchParams(
      Object.fromEntries(
        fields.map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]),
      ),
    ).toString();
    headers['content-type'] = 'application/x-www-form-urlencoded';
  }
  return { method: operation.method, path: query === '' ? path : `${path}?${query.replace(/^&/, '')}`, headers, body };
}
