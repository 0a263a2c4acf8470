import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Secret } from '@nexus/core/secret';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type BrokerClient, createBrokerClient } from './client.js';

const connections = 4;
const caller = { requestId: 'request', callerKey: null, callerIp: null, userAgent: null };

/** A Broker that keeps every request to some paths waiting until it is told to answer. */
let broker: Server;
let client: BrokerClient;
let waiting: { readonly path: string; readonly response: ServerResponse }[];
let slow: readonly string[];

beforeEach(async () => {
  waiting = [];
  slow = [];
  broker = createServer((request, response) => {
    const path = request.url ?? '';
    request.resume().on('end', () => {
      if (slow.includes(path)) waiting.push({ path, response });
      else answer(response, path);
    });
  });
  await new Promise<void>((resolve) => broker.listen(0, '127.0.0.1', resolve));
  const brokerUrl = `http://127.0.0.1:${(broker.address() as AddressInfo).port}`;
  client = createBrokerClient({ brokerUrl, gatewayKey: new Secret('fixture-key'), connections, tls: null });
});
afterEach(async () => {
  for (const { path, response } of waiting) answer(response, path);
  await client.close();
  await new Promise((resolve) => broker.close(resolve));
});

function answer(response: ServerResponse, path: string): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ path }));
}

const call = (path: string) => client.call<{ path: string }>(caller, { method: 'POST', path, body: {} });

async function waitForWaiting(count: number): Promise<void> {
  while (waiting.length < count) await new Promise((resolve) => setTimeout(resolve, 5));
}

const lanes = [
  ['/internal/v1/token/read', '/internal/v1/sessions/view', '/internal/v1/connections/check'],
  ['/internal/v1/flows/callback', '/internal/v1/flows/capture', '/internal/v1/connections/refresh'],
  ['/internal/v1/sessions/token'],
  ['/internal/v1/sessions/obo'],
];

it.each(lanes)('however many wait for %s, the other pools keep their connections', async (path) => {
  const lane = lanes.find(([first]) => first === path) ?? [];
  slow = [path];
  const held = Array.from({ length: connections * 3 }, () => call(path));
  await waitForWaiting(connections);
  for (const other of lanes.flat().filter((each) => !lane.includes(each))) {
    expect(await call(other)).toEqual({ path: other });
  }
  // Beyond its connections nothing of the pool has reached the Broker.
  expect(waiting).toHaveLength(connections);
  slow = [];
  for (const { path: slowPath, response } of waiting.splice(0)) answer(response, slowPath);
  expect(await Promise.all(held)).toEqual(held.map(() => ({ path })));
});
