/**
 * What the machine could do at all. `answer`: bare node:http with a fixed body. `proxy`: node:http that fetches that
 * answer over an undici Pool, as a Gateway without any work of its own would.
 */
import { createServer } from 'node:http';
import { Pool } from 'undici';

const { FLOOR_ROLE: role, FLOOR_PORT: port, FLOOR_BYTES: bytes, FLOOR_UPSTREAM: upstream } = process.env;
const body = JSON.stringify({ filler: 'x'.repeat(Math.max(0, Number(bytes) - 13)) });
const headers = { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) };

const server =
  role === 'proxy' ? createProxy(new Pool(upstream ?? '', { connections: 64, pipelining: 1 })) : createAnswer();
server.keepAliveTimeout = 65_000;
server.listen(Number(port), '127.0.0.1');
process.once('SIGTERM', () => process.exit(0));

function createAnswer() {
  return createServer((request, response) => {
    request.resume();
    response.writeHead(200, headers).end(body);
  });
}

/** @param {Pool} pool */
function createProxy(pool) {
  return createServer(async (request, response) => {
    request.resume();
    const answer = await pool.request({ method: 'GET', path: '/' });
    const text = await answer.body.text();
    response.writeHead(200, headers).end(text);
  });
}
