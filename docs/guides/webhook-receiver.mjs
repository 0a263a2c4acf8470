/** A RECEIVER OF EVENTS for docs/guides/webhooks.md: it checks each as your application must, and shows what came. The secret comes on its standard input. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const port = Number(process.argv[2] ?? 8060);
const secret = readFileSync(0, 'utf8').trim();
const toleranceSeconds = 300;
const accepted = new Map();

/** Standard Webhooks 1.0: one of the signatures must be ours, over the id, the time and the body as it came. */
function isGenuine(headers, body) {
  const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures = '' } = headers;
  if (!(Math.abs(Date.now() / 1000 - Number(timestamp)) < toleranceSeconds)) return false;
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const expected = Buffer.from(`v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`);
  return signatures.split(' ').some((one) => {
    const given = Buffer.from(one);
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}

async function read(request) {
  let body = '';
  for await (const chunk of request.setEncoding('utf8')) body += chunk;
  return body;
}

const server = createServer(async (request, response) => {
  if (request.method === 'GET') {
    response.end(JSON.stringify([...accepted.values()]));
    return;
  }
  const body = await read(request);
  if (!isGenuine(request.headers, body)) {
    response.writeHead(401).end();
    return;
  }
  // An event may come more than once: its id tells.
  accepted.set(request.headers['webhook-id'], JSON.parse(body));
  response.writeHead(204).end();
});
server.listen(port, '127.0.0.1');
