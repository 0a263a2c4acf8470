import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { Api, Refusal } from './broker.js';

let server: Server | null = null;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<Api> {
  const started = createServer(answer);
  server = started;
  await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve));
  const url = new URL(`http://127.0.0.1:${(started.address() as AddressInfo).port}`);
  return new Api({ service: 'Broker', url, apiKey: 'fixture-key', tls: {} });
}

/** Answers with what it was asked. */
function echo(request: IncomingMessage, response: ServerResponse): void {
  let body = '';
  request.setEncoding('utf8').on('data', (piece: string) => {
    body += piece;
  });
  request.on('end', () => {
    const { method, url, headers } = request;
    response.end(JSON.stringify({ method, url, body, key: headers['x-api-key'] }));
  });
}

describe('a request', () => {
  it('has a method, a query without what is not given, and a body of JSON', async () => {
    const api = await serve(echo);
    const key = 'fixture-key';
    expect(await api.get('/a', { x: 'ü&', y: null, z: true })).toEqual({
      method: 'GET',
      url: '/a?x=%C3%BC%26&z=true',
      body: '',
      key,
    });
    expect(await api.post('/a', { b: 1 })).toEqual({ method: 'POST', url: '/a', body: '{"b":1}', key });
    expect(await api.put('/a', { b: 1 }, { v: 2 })).toEqual({ method: 'PUT', url: '/a?v=2', body: '{"b":1}', key });
    expect(await api.patch('/a', {})).toEqual({ method: 'PATCH', url: '/a', body: '{}', key });
    expect(await api.delete('/a', { force: true })).toEqual({ method: 'DELETE', url: '/a?force=true', body: '', key });
  });

  it.each(['..', '.'])('does not go to another resource for the id %j', async (id) => {
    const api = await serve(echo);
    await expect(api.delete(`/admin/v1/agents/${encodeURIComponent(id)}/keys/7`)).rejects.toMatchObject({
      exitCode: 2,
    });
    await expect(api.delete(`/admin/v1/keys/${encodeURIComponent(id)}`)).rejects.toMatchObject({ exitCode: 2 });
  });

  it('asks for every page', async () => {
    const api = await serve((request, response) => {
      const at = Number(new URL(request.url ?? '', 'http://broker').searchParams.get('cursor') ?? 0);
      response.end(JSON.stringify({ items: [at], ...(at < 2 ? { next_cursor: String(at + 1) } : {}) }));
    });
    const items: number[] = [];
    for await (const page of api.pages<{ items: number[]; next_cursor?: string }>('/a')) items.push(...page.items);
    expect(items).toEqual([0, 1, 2]);
  });
});

describe('a refusal', () => {
  const refuse = (status: number, answer: unknown) =>
    serve((_request, response) => {
      response.statusCode = status;
      response.end(typeof answer === 'string' ? answer : JSON.stringify(answer));
    });

  it('keeps the code, the message, what was wrong in particular, or what to do', async () => {
    const details = [{ path: 'name', message: 'is taken' }];
    const wrong = await refuse(400, { code: 'invalid_request', message: 'No.', details });
    const refusal: unknown = await wrong.post('/a').catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(Refusal);
    expect(refusal).toMatchObject({
      exitCode: 1,
      status: 400,
      code: 'invalid_request',
      message: 'refused by the Broker: invalid_request: No.',
      advice: ['name: is taken'],
    });
  });

  it('without details says what to do', async () => {
    const api = await refuse(403, { code: 'forbidden', message: 'No.' });
    await expect(api.get('/a')).rejects.toMatchObject({ exitCode: 1, advice: [expect.stringMatching(/\.$/)] });
  });

  it.each([
    [503, { code: 'broker_unavailable', message: 'Later.' }, 'broker_unavailable: Later.'],
    [404, '<html>', 'status 404'],
    [302, '', 'status 302'],
    [500, 'null', 'status 500'],
  ])('with status %i leaves open what is true, exit code 3', async (status, answer, told) => {
    const api = await refuse(status, answer);
    await expect(api.get('/a')).rejects.toMatchObject({ exitCode: 3, message: `refused by the Broker: ${told}` });
  });

  it('is told apart from an answer that is none, or breaks off', async () => {
    const odd = await refuse(200, '<html>');
    await expect(odd.get('/a')).rejects.toMatchObject({ exitCode: 3, message: 'what answers there is not a Broker' });
    server?.close();
    const cut = await serve((_request, response) => {
      response.writeHead(200, { 'Content-Length': 100 });
      response.write('{', () => response.destroy());
    });
    await expect(cut.get('/a')).rejects.toMatchObject({
      exitCode: 3,
      message: 'the transfer from the Broker broke off',
    });
  });
});
