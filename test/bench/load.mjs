/** Reads a load from standard input, generates it with autocannon and prints what came of it. */
import { text } from 'node:stream/consumers';
import autocannon from 'autocannon';

const load = JSON.parse(await text(process.stdin));
const result = await autocannon({
  url: load.url,
  requests: load.requests,
  connections: load.connections,
  duration: load.seconds,
  warmup: { connections: load.connections, duration: 1 },
});
console.log(
  JSON.stringify({
    perSecond: result.requests.average,
    p50: result.latency.p50,
    p99: result.latency.p99,
    failed: result.non2xx + result.errors + result.timeouts,
    statuses: result.statusCodeStats,
  }),
);
