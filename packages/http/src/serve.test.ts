import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { createRoute, z } from '@hono/zod-openapi';
import { afterEach, describe, expect, it } from 'vitest';
import { createHttpApp } from './app.js';
import type { RunningServer, ServeOptions } from './serve.js';
import { serve } from './serve.js';
import { captureLog } from './testing.js';

const open: RunningServer[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

interface Gate {
  /** Resolves when a request has reached the slow route. */
  readonly entered: Promise<void>;
  readonly enter: () => void;
  readonly released: Promise<void>;
  readonly release: () => void;
}

function createGate(): Gate {
  let enter = (): void => {};
  let release = (): void => {};
  const entered = new Promise<void>((resolve) => {
    enter = resolve;
  });
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { entered, enter: () => enter(), released, release: () => release() };
}

async function startServer(options: Partial<ServeOptions> = {}) {
  const log = captureLog();
  const gate = createGate();
  const app = createHttpApp({ logger: log.logger, clock: { now: () => Date.now() } });
  const schema = z.strictObject({ name: z.string() });
  const responses = { 200: { description: 'Done.', content: { 'application/json': { schema: z.unknown() } } } };
  app.openapi(
    createRoute({
      method: 'post',
      path: '/things',
      request: { body: { required: true, content: { 'application/json': { schema } } } },
      responses,
    }),
    (c) => c.json({ length: c.req.valid('json').name.length }, 200),
  );
  app.get('/quick', (c) => c.json({ ip: c.get('callerIp'), path: c.req.path }));
  app.get('/headers/:name', (c) => c.json({ value: c.req.header(c.req.param('name')) ?? null }));
  app.get('/slow', async (c) => {
    gate.enter();
    await gate.released;
    return c.json({ done: true });
  });
  const server = await serve({ app, host: '127.0.0.1', port: 0, logger: log.logger, ...options });
  open.push(server);
  return { server, gate, log };
}

/** Sends raw bytes and answers everything the server sent until it closed the connection, or until it was silent. */
function exchange(port: number, request: string, keepOpenMs = 2000): Promise<{ text: string; isClosed: boolean }> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(request, 'latin1'));
    let text = '';
    const timer = setTimeout(() => finish(false), keepOpenMs);
    const finish = (isClosed: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ text, isClosed });
    };
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
    });
    socket.on('error', () => finish(true));
    socket.on('close', () => finish(true));
  });
}

function waitForClose(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.on('error', () => {});
    socket.on('close', () => resolve());
  });
}

const head = (lines: readonly string[]) => `${lines.join('\r\n')}\r\n\r\n`;

describe('serve', () => {
  it('answers over a socket with the address of the caller and the security headers', async () => {
    const { server } = await startServer();
    const answer = await fetch(`${server.url}/quick`);
    expect(await answer.json()).toEqual({ ip: '127.0.0.1', path: '/quick' });
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(answer.headers.get('x-powered-by') ?? answer.headers.get('server')).toBeNull();
  });

  it('rejects with the listen error when the port is taken', async () => {
    const { server } = await startServer();
    await expect(startServer({ port: server.port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  it('reads bodies with a length and in chunks', async () => {
    const { server } = await startServer();
    const type = { 'Content-Type': 'application/json' };
    const plain = await fetch(`${server.url}/things`, { method: 'POST', headers: type, body: '{"name":"abc"}' });
    expect(await plain.json()).toEqual({ length: 3 });
    const chunked = await exchange(
      server.port,
      `${head(['POST /things HTTP/1.1', 'Host: a', 'Connection: close', 'Content-Type: application/json', 'Transfer-Encoding: chunked'])}7\r\n{"name"\r\n6\r\n:"ab"}\r\n0\r\n\r\n`,
    );
    expect(chunked.text).toMatch(/^HTTP\/1\.1 200 .*\{"length":2\}/s);
  });

  it('G1: answers 413 to a declared length over the limit without waiting for it', async () => {
    const { server } = await startServer();
    const { text } = await exchange(
      server.port,
      head(['POST /things HTTP/1.1', 'Host: a', 'Content-Type: application/json', 'Content-Length: 1000000']),
    );
    expect(text).toMatch(/^HTTP\/1\.1 413 .*payload_too_large/s);
  });

  it('G1: answers 413 to an endless chunked body, reads little of it and closes', async () => {
    const { server } = await startServer();
    const socket = connect(server.port, '127.0.0.1');
    let text = '';
    let accepted = 0;
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
    });
    const closed = waitForClose(socket);
    socket.write(
      head(['POST /things HTTP/1.1', 'Host: a', 'Content-Type: application/json', 'Transfer-Encoding: chunked']),
    );
    const chunk = `4000\r\n${' '.repeat(0x4000)}\r\n`;
    const pump = (): void => {
      while (!socket.destroyed && accepted < 200_000_000) {
        accepted += chunk.length;
        if (!socket.write(chunk)) {
          socket.once('drain', pump);
          return;
        }
      }
    };
    pump();
    await closed;
    expect(text).toMatch(/^HTTP\/1\.1 413 /);
    expect(accepted).toBeLessThan(150_000_000);
  });

  it('G4: refuses a wrong content type over a socket, and lets an empty POST with any type pass to validation', async () => {
    const { server } = await startServer();
    const wrong = await fetch(`${server.url}/things`, { method: 'POST', body: '{"name":"a"}' });
    expect(wrong.status).toBe(415);
    const empty = await fetch(`${server.url}/things`, { method: 'POST', headers: { 'Content-Type': 'text/plain' } });
    expect(empty.status).toBe(400);
  });

  it('G5: cuts a connection that sends its headers slowly, or nothing at all', async () => {
    const { server } = await startServer({ headersTimeoutMs: 200, requestTimeoutMs: 400 });
    const started = Date.now();
    const [partial, silent] = await Promise.all([
      exchange(server.port, 'GET /quick HTTP/1.1\r\nHost: a\r\nX-Slow:', 5000),
      exchange(server.port, '', 5000),
    ]);
    expect([partial.isClosed, silent.isClosed]).toEqual([true, true]);
    expect(partial.text).toMatch(/^HTTP\/1\.1 408 /);
    expect(Date.now() - started).toBeLessThan(3000);
  });

  it('G5: cuts a connection that sends its body slowly, while others are served', async () => {
    const { server } = await startServer({ headersTimeoutMs: 200, requestTimeoutMs: 400 });
    const lines = ['POST /things HTTP/1.1', 'Host: a', 'Content-Type: application/json', 'Content-Length: 50'];
    const slow = Array.from({ length: 50 }, () => exchange(server.port, `${head(lines)}{"na`, 5000));
    expect((await fetch(`${server.url}/quick`)).status).toBe(200);
    const answers = await Promise.all(slow);
    expect(answers.every(({ isClosed }) => isClosed)).toBe(true);
    expect(answers.every(({ text }) => !text.startsWith('HTTP/1.1 200'))).toBe(true);
  });

  const smuggled: readonly (readonly [string, string])[] = [
    [
      'both lengths',
      'POST /things HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['two unequal lengths', 'POST /things HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde'],
    ['two equal lengths', 'POST /things HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nabcd'],
    ['a list of lengths', 'POST /things HTTP/1.1\r\nHost: a\r\nContent-Length: 4, 4\r\n\r\nabcd'],
    ['a negative length', 'POST /things HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n'],
    ['a signed length', 'POST /things HTTP/1.1\r\nHost: a\r\nContent-Length: +4\r\n\r\nabcd'],
    ['a hexadecimal length', 'POST /things HTTP/1.1\r\nHost: a\r\nContent-Length: 0x4\r\n\r\nabcd'],
    ['an overflowing length', `POST /things HTTP/1.1\r\nHost: a\r\nContent-Length: ${'9'.repeat(30)}\r\n\r\n`],
    ['a space before the colon', 'POST /things HTTP/1.1\r\nHost: a\r\nContent-Length : 4\r\n\r\nabcd'],
    [
      'a space before the colon of the encoding',
      'POST /things HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n',
    ],
    ['an unknown encoding', 'POST /things HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n'],
    ['chunked not last', 'POST /things HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n'],
    ['an obsolete line fold', 'GET /quick HTTP/1.1\r\nHost: a\r\nX-Fold: a\r\n b\r\n\r\n'],
    ['a fold before the first header', 'GET /quick HTTP/1.1\r\n Host: a\r\n\r\n'],
    ['bare LF line ends', 'GET /quick HTTP/1.1\nHost: a\n\n'],
    ['a bare LF within the headers', 'GET /quick HTTP/1.1\r\nHost: a\nX-A: b\r\n\r\n'],
    ['a bare CR within the headers', 'GET /quick HTTP/1.1\r\nHost: a\rX-A: b\r\n\r\n'],
    ['a NUL in a header', 'GET /quick HTTP/1.1\r\nHost: a\r\nX-A: b\0c\r\n\r\n'],
    ['no colon', 'GET /quick HTTP/1.1\r\nHost: a\r\nX-A\r\n\r\n'],
    ['an empty header name', 'GET /quick HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n'],
    ['no Host', 'GET /quick HTTP/1.1\r\n\r\n'],
    [
      'a chunk size that is no number',
      'POST /things HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n',
    ],
    [
      'a chunk size with a prefix',
      'POST /things HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x4\r\nabcd\r\n0\r\n\r\n',
    ],
    [
      'a chunk longer than its size',
      'POST /things HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n0\r\n\r\n',
    ],
    ['an unknown version', 'GET /quick HTTP/1.2\r\nHost: a\r\n\r\n'],
    ['headers of 20 KB', `GET /quick HTTP/1.1\r\nHost: a\r\nX-A: ${'a'.repeat(20_000)}\r\n\r\n`],
  ];

  it.each(smuggled)(
    'G7: refuses %s and closes, so that nothing after it is read as a request',
    async (_name, bytes) => {
      const { server } = await startServer();
      const second = head(['GET /quick?second HTTP/1.1', 'Host: a', 'Connection: close']);
      const { text, isClosed } = await exchange(server.port, bytes + second);
      expect(text).toMatch(/^HTTP\/1\.1 4\d\d /);
      expect(text).not.toContain('HTTP/1.1 200');
      expect(isClosed).toBe(true);
    },
  );

  it.each(['a b', 'a@b', 'a/b', '[::1', 'a:99999999'])('answers 400 in our shape to the Host %s', async (host) => {
    const { server } = await startServer();
    const { text } = await exchange(server.port, head(['GET /quick HTTP/1.1', `Host: ${host}`, 'Connection: close']));
    expect(text).toMatch(/^HTTP\/1\.1 400 .*X-Request-Id: .*"code":"invalid_request"/is);
  });

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
    'B13: a header named %s is only a header',
    async (name) => {
      const { server } = await startServer();
      const { text } = await exchange(
        server.port,
        head([`GET /headers/${name} HTTP/1.1`, 'Host: a', `${name}: x`, `${name}: y`, 'Connection: close']),
      );
      expect(text).toMatch(/^HTTP\/1\.1 200 .*"value":"x, y"/s);
    },
  );

  it.each([
    '/things%2F..%2Fquick',
    '//quick',
    '/QUICK',
    '/quick/',
    '/%2fquick',
    '/x\\..\\quick',
    '/quick;a=b',
    '/quick%00',
  ])('B14: the path %s does not reach the route it resembles', async (path) => {
    const { server } = await startServer();
    const { text } = await exchange(server.port, head([`GET ${path} HTTP/1.1`, 'Host: a', 'Connection: close']));
    expect(text).toMatch(/^HTTP\/1\.1 (404|400) /);
  });

  it('B14: dot segments are resolved once, before routing', async () => {
    const { server } = await startServer();
    for (const path of ['/x/../quick', '/x/%2e%2e/quick', '/./quick', 'http://a/quick']) {
      const { text } = await exchange(server.port, head([`GET ${path} HTTP/1.1`, 'Host: a', 'Connection: close']));
      expect(text).toContain('"path":"/quick"');
    }
  });

  it('logs no unexpected failure for anything malformed', async () => {
    const { server, log } = await startServer();
    for (const [, bytes] of smuggled) await exchange(server.port, bytes, 50);
    expect(log.entries().filter(({ level }) => level === 'error')).toEqual([]);
  });
});

describe('close', () => {
  it('O1: finishes a request in flight, says Connection: close, and accepts nothing new', async () => {
    const { server, gate } = await startServer();
    const answer = exchange(server.port, head(['GET /slow HTTP/1.1', 'Host: a']), 5000);
    await gate.entered;
    const closing = server.close();
    await expect(fetch(`${server.url}/quick`)).rejects.toThrow();
    gate.release();
    const { text, isClosed } = await answer;
    expect(text).toMatch(/^HTTP\/1\.1 200 .*\{"done":true\}/s);
    expect(text.toLowerCase()).toContain('connection: close');
    expect(isClosed).toBe(true);
    await closing;
  });

  it('does not wait for idle or silent connections', async () => {
    const { server } = await startServer();
    const idle = exchange(server.port, head(['GET /quick HTTP/1.1', 'Host: a']), 8000);
    const silent = exchange(server.port, '', 8000);
    await fetch(`${server.url}/quick`);
    const started = Date.now();
    await server.close();
    expect((await idle).isClosed && (await silent).isClosed).toBe(true);
    expect(Date.now() - started).toBeLessThan(3000);
  });

  it('destroys what is still running when the time is up, and can be called twice', async () => {
    const { server, gate } = await startServer({ drainMs: 100 });
    const answer = exchange(server.port, head(['GET /slow HTTP/1.1', 'Host: a']), 5000);
    await gate.entered;
    await Promise.all([server.close(), server.close()]);
    expect((await answer).text).toBe('');
    gate.release();
  });
});
