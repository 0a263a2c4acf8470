import { createHash, createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { applyStrategy, type StrategyRequest } from './apply.js';
import { resolveStrategy } from './strategy.js';

// The key pairs are the ones AWS prints in its documentation; they open nothing.
const suite = {
  credentials: { access_key: 'AKIDEXAMPLE', secret_key: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' },
  now: Date.parse('2015-08-30T12:36:00Z'),
  host: 'https://example.amazonaws.com',
};
const store = {
  credentials: { access_key: 'AKIAIOSFODNN7EXAMPLE', secret_key: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' },
  now: Date.parse('2013-05-24T00:00:00Z'),
  host: 'https://examplebucket.s3.amazonaws.com',
};

interface Vector {
  readonly name: string;
  readonly method?: string;
  readonly path: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly signed: string;
  readonly signature: string;
}

/** Facts of the algorithm's published test suite, for requests whose path needs no second encoding. */
const suiteVectors: Vector[] = [
  {
    name: 'get-vanilla',
    path: '/',
    signed: 'host;x-amz-date',
    signature: '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31',
  },
  {
    name: 'get-vanilla-query-order-key-case',
    path: '/?Param2=value2&Param1=value1',
    signed: 'host;x-amz-date',
    signature: 'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
  },
  {
    name: 'get-vanilla-utf8-query',
    path: '/?ሴ=bar',
    signed: 'host;x-amz-date',
    signature: '2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04',
  },
  {
    name: 'get-unreserved',
    path: '/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz',
    signed: 'host;x-amz-date',
    signature: '07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f',
  },
  {
    name: 'get-slash (the path is normalised)',
    path: '//',
    signed: 'host;x-amz-date',
    signature: '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31',
  },
  {
    name: 'get-slashes',
    path: '//example//',
    signed: 'host;x-amz-date',
    signature: '9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84',
  },
  {
    name: 'get-relative-relative',
    path: '/example1/example2/../..',
    signed: 'host;x-amz-date',
    signature: '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31',
  },
  {
    name: 'get-header-value-trim',
    path: '/',
    headers: { 'My-Header1': ' value1', 'My-Header2': ' "a   b   c"' },
    signed: 'host;my-header1;my-header2;x-amz-date',
    signature: 'acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736',
  },
  {
    name: 'get-header-key-duplicate (joined by commas)',
    path: '/',
    headers: { 'my-header1': 'value2,value2,value1' },
    signed: 'host;my-header1;x-amz-date',
    signature: 'c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea',
  },
  {
    name: 'post-vanilla',
    method: 'POST',
    path: '/',
    signed: 'host;x-amz-date',
    signature: '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b',
  },
  {
    name: 'post-x-www-form-urlencoded',
    method: 'POST',
    path: '/',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    body: 'Param1=value1',
    signed: 'content-type;host;x-amz-date',
    signature: 'ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a',
  },
];

/** Facts of the object store's published examples. */
const storeVectors: Vector[] = [
  {
    name: 'GET object',
    path: '/test.txt',
    headers: { Range: 'bytes=0-9' },
    signed: 'host;range;x-amz-content-sha256;x-amz-date',
    signature: 'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  },
  {
    name: 'PUT object, a key with a dollar sign',
    method: 'PUT',
    path: '/test$file.text',
    headers: { Date: 'Fri, 24 May 2013 00:00:00 GMT', 'x-amz-storage-class': 'REDUCED_REDUNDANCY' },
    body: 'Welcome to Amazon S3.',
    signed: 'date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class',
    signature: '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
  },
  {
    name: 'GET bucket lifecycle, a parameter without a value',
    path: '/?lifecycle',
    signed: 'host;x-amz-content-sha256;x-amz-date',
    signature: 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
  },
  {
    name: 'GET bucket, list objects',
    path: '/?max-keys=2&prefix=J',
    signed: 'host;x-amz-content-sha256;x-amz-date',
    signature: '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
  },
];

function sign(
  vector: Omit<Vector, 'name' | 'signed' | 'signature'>,
  from: typeof suite,
  service: string,
): StrategyRequest {
  return applyStrategy({
    strategy: resolveStrategy('aws_sigv4', { type: 'aws_sigv4', config: { service } }),
    credentials: from.credentials,
    request: {
      method: vector.method ?? 'GET',
      url: `${from.host}${vector.path}`,
      headers: vector.headers ?? {},
      body: vector.body ?? null,
    },
    now: from.now,
  });
}

describe('Signature Version 4', () => {
  it.each(suiteVectors)('agrees with the published suite: $name', (vector) => {
    expect(sign(vector, suite, 'service').headers['Authorization']).toBe(
      `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=${vector.signed}, Signature=${vector.signature}`,
    );
  });

  it.each(storeVectors)('agrees with the published object store example: $name', (vector) => {
    expect(sign(vector, store, 's3').headers['Authorization']).toBe(
      `AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=${vector.signed}, Signature=${vector.signature}`,
    );
  });

  it('encodes an encoded path once more for every service but the object store', () => {
    const digest = (text: string) => createHash('sha256').update(text).digest('hex');
    const step = (key: Buffer | string, text: string) => createHmac('sha256', key).update(text).digest();
    const canonical = [
      'GET',
      '/a%2520b/%2524c',
      '',
      'host:example.amazonaws.com',
      'x-amz-date:20150830T123600Z',
      '',
      'host;x-amz-date',
      digest(''),
    ].join('\n');
    const scope = '20150830/us-east-1/service/aws4_request';
    const key = scope.split('/').reduce<Buffer | string>(step, `AWS4${suite.credentials.secret_key}`);
    const toSign = ['AWS4-HMAC-SHA256', '20150830T123600Z', scope, digest(canonical)].join('\n');
    const signed = sign({ path: '/a%20b/%24c' }, suite, 'service');
    expect(signed.headers['Authorization']).toContain(`Signature=${step(key, toSign).toString('hex')}`);
    expect(signed.url).toBe('https://example.amazonaws.com/a%20b/%24c');
  });

  it('signs the session token when there is one, and not when it is empty', () => {
    const input = {
      strategy: resolveStrategy('aws_sigv4', { type: 'aws_sigv4', config: { service: 'sts', region: 'eu-central-1' } }),
      request: { method: 'POST', url: 'https://sts.example/', headers: {}, body: null },
      now: suite.now,
    };
    const signed = applyStrategy({ ...input, credentials: { ...suite.credentials, session_token: 'temporary' } });
    expect(signed.headers['X-Amz-Security-Token']).toBe('temporary');
    expect(signed.headers['Authorization']).toContain('20150830/eu-central-1/sts/aws4_request');
    expect(signed.headers['Authorization']).toContain('SignedHeaders=host;x-amz-date;x-amz-security-token,');
    const plain = applyStrategy({ ...input, credentials: { ...suite.credentials, session_token: '' } });
    expect(plain.headers).not.toHaveProperty('X-Amz-Security-Token');
  });

  it('sends the query in the very form it signed', () => {
    const signed = sign({ path: "/?b=2&a=it's+(a)*!&a=1" }, suite, 'service');
    expect(signed.url).toBe('https://example.amazonaws.com/?a=1&a=it%27s%20%28a%29%2A%21&b=2');
  });

  it('leaves out of the signature what a proxy may change', () => {
    const plain = sign({ path: '/' }, suite, 'service').headers['Authorization'];
    const noisy = sign({ path: '/', headers: { 'User-Agent': 'x', 'Accept-Encoding': 'br' } }, suite, 'service');
    expect(noisy.headers['Authorization']).toBe(plain);
  });

  it('depends on the body and on the time', () => {
    const signatures = [
      sign({ path: '/', body: 'a' }, suite, 'service'),
      sign({ path: '/', body: 'b' }, suite, 'service'),
      sign({ path: '/', body: 'a' }, { ...suite, now: suite.now + 1000 }, 'service'),
    ].map((request) => request.headers['Authorization']);
    expect(new Set(signatures).size).toBe(3);
  });
});
