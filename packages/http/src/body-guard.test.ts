import { beforeEach, describe, expect, it } from 'vitest';
import { maxBodyBytes } from './app.js';
import type { ErrorBody } from './errors.js';
import { createTestApp, sendBody } from './test-app.js';
import { captureLog } from './testing.js';

let app: ReturnType<typeof createTestApp>;

beforeEach(() => {
  app = createTestApp(captureLog('info'));
});

async function readError(answer: Response): Promise<ErrorBody> {
  return (await answer.json()) as ErrorBody;
}

function post(path: string, body: string | undefined, type: string | null = 'application/json', method = 'POST') {
  return sendBody(app, path, body, { type, method });
}

describe('request bodies', () => {
  it('takes JSON, with parameters and in any case of the type', async () => {
    for (const type of ['application/json', 'application/json; charset=utf-8', 'Application/JSON;charset="UTF-8"']) {
      const answer = await post('/things', '{"name":"a"}', type);
      expect([type, answer.status, await answer.json()]).toEqual([type, 200, { name: 'a' }]);
    }
  });

  it.each([
    null,
    '',
    'text/plain',
    'text/json',
    'application/jsonp',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/json; charset=utf-16',
    'application/json; charset=latin1',
    'application/xml',
    'application/json, text/plain',
    'application/merge-patch+json',
    '*/*',
  ])('G4: refuses a body of type %s and does not run the handler', async (type) => {
    for (const path of ['/things', '/refresh/1', '/connect/1']) {
      if (path === '/connect/1' && type === 'application/x-www-form-urlencoded') continue;
      const answer = await post(path, '{"name":"a"}', type);
      expect([path, answer.status, (await readError(answer)).code]).toEqual([path, 415, 'unsupported_media_type']);
    }
  });

  it('G4: vets a body although middleware was registered after the route', async () => {
    app.use('/things/*', async (_c, next) => next());
    expect((await post('/things', '{"name":"a"}', 'text/plain')).status).toBe(415);
  });

  it.each(['{"name":"a"}', 'not json', undefined])(
    'tells who may not call a route before it judges %s',
    async (body) => {
      const answer = await post('/private', body);
      expect([answer.status, (await readError(answer)).code]).toEqual([401, 'missing_api_key']);
    },
  );

  it('G4: refuses a compressed body', async () => {
    const headers = { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' };
    expect((await app.request('/things', { method: 'POST', headers, body: '{}' })).status).toBe(415);
  });

  it.each([null, 'text/plain', 'application/json', 'application/x-www-form-urlencoded'])(
    'lets a POST without a body reach a route that expects none, with content type %s',
    async (type) => {
      expect((await post('/refresh/1', undefined, type)).status).toBe(200);
      expect((await post('/refresh/1', '', type)).status).toBe(200);
    },
  );

  it('accepts {} on a route without a body and refuses anything that would pass unread', async () => {
    expect((await post('/refresh/1', '{}')).status).toBe(200);
    for (const body of ['{"force":true}', '[]', '1', 'null', '{"a":1,"a":2}', '{']) {
      expect([body, (await post('/refresh/1', body)).status]).toEqual([body, 400]);
    }
  });

  it('requires the body of a route that declares one, even without `required`', async () => {
    for (const [method, type] of [
      ['POST', 'application/json'],
      ['PUT', 'application/json'],
      ['PUT', null],
    ] as const) {
      expect((await readError(await post('/things', '', type, method))).code).toBe('invalid_request');
    }
  });

  it.each([
    '{',
    '{"name":"a","name":"b"}',
    '{"name":"\\ud800"}',
    '{"name":"\\u0000"}',
    `{"name":${'['.repeat(40)}`,
    '\u0000',
  ])('G3: refuses %j before the schema sees it', async (body) => {
    const answer = await post('/things', body);
    expect([answer.status, (await readError(answer)).code]).toEqual([400, 'invalid_request']);
  });

  it('takes a form where the route declares one, with the same care', async () => {
    const form = 'application/x-www-form-urlencoded';
    expect(await (await post('/connect/1', 'field=a+b', form)).json()).toEqual({ field: 'a b' });
    expect((await post('/connect/1', 'field=a&field=b', form)).status).toBe(400);
    expect((await post('/connect/1', 'field=%00', form)).status).toBe(400);
  });

  it('G1: refuses 64 KiB and one byte, and accepts 64 KiB', async () => {
    const sized = (size: number) => `{"name":"${'x'.repeat(size - 11)}"}`;
    expect((await post('/things', sized(maxBodyBytes))).status).toBe(200);
    const answer = await post('/things', sized(maxBodyBytes + 1));
    expect([answer.status, (await readError(answer)).code]).toEqual([413, 'payload_too_large']);
  });

  it('G1: stops reading an endless body at the limit', async () => {
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 16_384;
        controller.enqueue(new Uint8Array(16_384).fill(0x20));
      },
    });
    const init = {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body,
      duplex: 'half',
    } as RequestInit;
    expect((await app.request('/things', init)).status).toBe(413);
    expect(sent).toBeLessThan(3 * maxBodyBytes);
  });

  it('refuses a declared length over the limit without reading', async () => {
    const headers = { 'Content-Type': 'application/json', 'Content-Length': '70000' };
    expect((await app.request('/things', { method: 'POST', headers, body: '{}' })).status).toBe(413);
  });
});
